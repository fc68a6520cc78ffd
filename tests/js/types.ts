/*
 * The declarations as a page's author meets them: each line compiles, or must not. tsc alone reads this file.
 */
import type { UploadItem, UploadLimits, UploaderOptions } from '../../src/ajaxupload/static/ajaxupload/ajax-upload.js';

const element = document.querySelector('ajax-upload');
if (element) {
  const items: UploadItem[] = element.files;
  element.add([new File([], 'a.txt')]).then((added) => added.forEach((item) => element.pause(item)));
  element.strings = { done: 'Here it is' };
  element.uploader.options.headers = { Authorization: 'Bearer x' };
  const form: HTMLFormElement | null = element.form;
  console.log(items.length, form, element.validity.valid, element.checkValidity());
  // @ts-expect-error -- the list belongs to the engine
  element.files = [];
  // @ts-expect-error -- no such text
  element.strings = { doen: 'mistyped' };
}

document.addEventListener('upload-success', ({ detail }) => console.log(detail.name.length, detail.response?.['id']));
document.addEventListener('upload-reject', ({ detail }) => console.log(detail.file.name, detail.code));
document.addEventListener('upload-complete', ({ detail }) => detail.map((item) => item.state === 'failed'));
document.addEventListener('upload-before-request', (event) => {
  event.detail.headers['X-Token'] = 'x';
  event.preventDefault();
});

const options: Partial<UploaderOptions> = { endpoint: '/upload', chunkSize: 1 << 20, csrf: () => ({ 'X-CSRFToken': 't' }) };
const uploader = new AjaxUpload.Uploader(options);
const allowed: UploadLimits = uploader.allowed;
const largest: number | undefined = allowed.max_size;
uploader.limits().then(() => uploader.start());
console.log(largest);
// @ts-expect-error -- raw or multipart
new AjaxUpload.Uploader({ method: 'json' });

AjaxUpload.strings.choose = 'Pick some';
const old = new qq.FileUploader({
  action: '/upload',
  element: document.body,
  params: { csrf_token: 't', csrf_name: 'n', csrf_xname: 'X-CSRFToken' },
  onSubmit: (id, name) => id > 3 || name !== 'no.txt',
  onComplete(id, name, response) {
    console.log(id.toFixed(), name.trim(), response['success']);
  },
  messages: { typeError: 'Not {file}' },
});
old.setParams({ album: 3 });
console.log(old.getInProgress());
