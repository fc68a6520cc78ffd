// The widget asks the endpoint for its limits and states them: once is enough, for the eye and for the ear.
for (const element of document.querySelectorAll('ajax-upload'))
  element.ready?.then(() => element.form.querySelector('.hint')?.remove());

// With the widget files go up one by one, without leaving the page: when they are all there, show the new list.
// (An XMLHttpRequest, because it parses the page without any of the functions that Trusted Types forbid.)
document.addEventListener('upload-complete', () => {
  const ask = new XMLHttpRequest();
  ask.open('GET', '/');
  ask.responseType = 'document';
  ask.onload = () => {
    const fresh = ask.response?.getElementById('stored');
    if (fresh) document.getElementById('stored').replaceWith(document.adoptNode(fresh));
  };
  ask.send();
});
