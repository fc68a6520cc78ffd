// What all pages share: options from the address, a record of what the widget told the page, and a list for widgets
// that draw nothing themselves.
const settings = JSON.parse(decodeURIComponent(location.hash.slice(1)) || '{}');
const seen = { done: [], failed: [] };
let cancel = () => {};
let again = () => {};
/** What the page waits for before files may be chosen. */
let ready = Promise.resolve();

// Django gives its pages a cookie, and wants it back in a header; where there is none, nothing is added.
const token = document.cookie.match(/(?:^|; )csrftoken=([^;]+)/)?.[1];
const headers = token ? { 'X-CSRFToken': token } : {};

/** A script whose address depends on the widget: for pages of several versions. */
function load(script) {
  document.write(`<script src="${script}"><\/script>`);
}

/** The widget says that a file is stored; `reply` is what the server answered. */
function done(name, reply) {
  seen.done.push([name, reply]);
}

/** The widget gives a file up. */
function failed(name, why) {
  seen.failed.push([name, String(why)]);
}

/** A row of the page's own list: what an application shows that has only a widget's callbacks. */
function say(name, text) {
  const row = document.createElement('li');
  row.textContent = `${name}: ${text}`;
  document.getElementById('list').append(row);
}

/** The server's reason in its JSON answer, or the answer itself. */
function reason(answer) {
  try {
    return JSON.parse(answer).error;
  } catch {
    return answer;
  }
}
