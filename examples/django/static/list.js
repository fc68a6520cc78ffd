// The widget sends files without leaving the page. When all of them are there, show the list as the server has it now.
document.addEventListener('upload-complete', async () => {
  const answer = await fetch(location.href);
  const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
  document.querySelector('#files').replaceWith(page.querySelector('#files'));
});
