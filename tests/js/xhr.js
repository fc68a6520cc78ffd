/*
 * As much of a browser as the engine touches, for Node: XMLHttpRequest over real HTTP, localStorage, navigator.onLine and
 * the online event. What lives here: stand-ins for what Node lacks, and nothing that decides how an upload goes.
 */
import { request } from 'node:http';

class Upload {
  onprogress = null;
  onload = null;
}

export class XMLHttpRequest {
  upload = new Upload();
  status = 0;
  responseText = '';
  withCredentials = false;
  onloadend = null;
  #headers = {};
  #answer = {};
  #request;
  #over = false;

  open(method, url) {
    this.method = method;
    this.url = url;
  }

  setRequestHeader(name, value) {
    this.#headers[name] = value;
  }

  getResponseHeader(name) {
    return this.#answer[name.toLowerCase()] ?? null;
  }

  abort() {
    if (!this.#request) return;
    this.#request.destroy();
    this.#fail();
  }

  async send(body) {
    if (!globalThis.navigator.onLine) return setTimeout(() => this.#fail());
    const bytes = body instanceof Blob ? Buffer.from(await body.arrayBuffer()) : null;
    if (this.#over) return undefined;
    const headers = { ...this.#headers, ...(bytes || this.method === 'POST' ? { 'Content-Length': bytes?.length ?? 0 } : {}) };
    this.#request = request(this.url, { method: this.method, headers, agent: false }, (answer) => this.#read(answer));
    this.#request.on('error', () => this.#fail());
    return bytes ? this.#write(bytes) : this.#request.end();
  }

  /** In blocks, each with a progress event, as a browser does. */
  async #write(bytes) {
    for (let at = 0; at < bytes.length && !this.#over; at += 4096) {
      const block = bytes.subarray(at, at + 4096);
      await new Promise((ok) => this.#request.write(block, () => ok()));
      if (!this.#over) this.upload.onprogress?.({ loaded: at + block.length, total: bytes.length });
    }
    if (this.#over) return;
    this.upload.onload?.();
    this.#request.end();
  }

  async #read(answer) {
    try {
      for await (const block of answer) this.responseText += block;
    } catch {
      return this.#fail();
    }
    if (this.#over) return undefined;
    this.#over = true;
    this.status = answer.statusCode;
    this.#answer = answer.headers;
    return this.onloadend?.();
  }

  #fail() {
    if (this.#over) return;
    this.#over = true;
    this.status = 0;
    this.onloadend?.();
  }
}

/** What survives a reload. Its keys are its own properties, as in a browser. */
class Storage {
  setItem(key, value) {
    this[key] = String(value);
  }

  removeItem(key) {
    delete this[key];
  }
}

/** Put the stand-ins in place; returns a function that goes offline (false) and online (true). */
export function install() {
  const events = new EventTarget();
  const navigator = { onLine: true };
  Object.defineProperty(globalThis, 'navigator', { value: navigator, configurable: true });
  globalThis.XMLHttpRequest = XMLHttpRequest;
  globalThis.localStorage = new Storage();
  globalThis.addEventListener = events.addEventListener.bind(events);
  return (online) => {
    navigator.onLine = online;
    if (online) events.dispatchEvent(new Event('online'));
  };
}
