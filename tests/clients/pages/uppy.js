// What the bundle of Uppy's packages exports to the page.
export { default as Core } from '@uppy/core';
export { default as Tus } from '@uppy/tus';
export { default as XHRUpload } from '@uppy/xhr-upload';
