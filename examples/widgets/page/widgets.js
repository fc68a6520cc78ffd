// Each widget with the options that a page needs: pieces, going on, the server's reason. They are described one by one
// in docs/how-to/widgets. What is shared is above them: the list of what is stored, and rows for widgets without any.
import { Dashboard, Tus, Uppy, XHRUpload } from '/node_modules/uppy/dist/uppy.min.mjs';

const url = '/upload';
const mega = 1 << 20;
const section = (id, selector) => document.querySelector(`#${id} ${selector}`);

// ---- what this browser has stored ----------------------------------------------------------------------------------

async function list() {
  const { files } = await $.getJSON(url); // as jQuery File Upload asks for it
  section('stored', 'ul').replaceChildren(...files.map(item));
}

function item(file) {
  const line = document.createElement('li');
  const link = Object.assign(document.createElement('a'), { href: file.url, textContent: file.name });
  const button = Object.assign(document.createElement('button'), { textContent: 'Delete' });
  button.onclick = async () => {
    await fetch(file.deleteUrl, { method: file.deleteType });
    await list();
  };
  line.append(link, ` ${file.size.toLocaleString()} bytes `, button);
  return line;
}

// ---- for widgets that draw nothing ---------------------------------------------------------------------------------

/** rows('flow') -> show(key, name, text): a line for each file. */
function rows(id) {
  const lines = new Map();
  return (key, name, text) => {
    if (!lines.has(key)) lines.set(key, section(id, 'ul').appendChild(document.createElement('li')));
    lines.get(key).textContent = `${name}: ${text}`;
  };
}

/** The server's reason in its answer, if there was one. */
function reason(answer) {
  try {
    return JSON.parse(answer).error;
  } catch {
    return 'the server did not answer';
  }
}

const percent = (part) => `${Math.round(part * 100)} %`;
const identify = (file) => [file.size, file.lastModified, file.webkitRelativePath || file.name].join('-');

// ---- the widgets ---------------------------------------------------------------------------------------------------

function fineUploader() {
  new qq.FineUploader({
    element: section('fineuploader', '.widget'),
    request: { endpoint: url },
    chunking: { enabled: true, concurrent: { enabled: true }, success: { endpoint: `${url}/done` } },
    resume: { enabled: true },
    retry: { enableAuto: true },
    deleteFile: { enabled: true, endpoint: url },
    failedUploadTextDisplay: { mode: 'custom' },
    callbacks: { onAllComplete: list, onDeleteComplete: list },
  });
}

function dropzone() {
  const zone = new Dropzone('#dropzone .dropzone', {
    chunking: true,
    parallelChunkUploads: true,
    retryChunks: true,
    maxFilesize: null,
    hiddenInputContainer: '#dropzone',
  });
  zone.on('success', list);
}

function filePond() {
  const pond = FilePond.create(section('filepond', 'input'), {
    server: { url, process: { onerror: (text) => text }, fetch: null },
    chunkUploads: true,
    credits: false,
    labelFileProcessingError: (error) => error.body,
  });
  pond.on('processfile', list);
  pond.on('removefile', list);
}

function resumable() {
  const show = rows('resumablejs');
  const uploader = new Resumable({
    target: url, maxChunkRetries: 5, chunkRetryInterval: 1000, generateUniqueIdentifier: identify,
  });
  uploader.assignBrowse(section('resumablejs', 'input'));
  uploader.on('fileAdded', () => uploader.upload());
  uploader.on('fileProgress', (file) => show(file, file.fileName, percent(file.progress())));
  uploader.on('fileError', (file, answer) => show(file, file.fileName, reason(answer)));
  uploader.on('fileSuccess', (file) => show(file, file.fileName, 'stored'));
  uploader.on('fileSuccess', list);
}

function flow() {
  const show = rows('flow');
  const uploader = new Flow({
    target: url, maxChunkRetries: 5, chunkRetryInterval: 1000, generateUniqueIdentifier: identify,
  });
  uploader.assignBrowse(section('flow', 'input'));
  uploader.on('filesSubmitted', () => uploader.upload());
  uploader.on('fileProgress', (file) => show(file, file.name, percent(file.progress())));
  uploader.on('fileError', (file, answer) => show(file, file.name, reason(answer)));
  uploader.on('fileSuccess', (file) => show(file, file.name, 'stored'));
  uploader.on('fileSuccess', list);
}

function pluploader() {
  const show = rows('plupload');
  new plupload.Uploader({
    runtimes: 'html5',
    browse_button: 'plupload-browse',
    container: 'plupload-box',
    url,
    chunk_size: '2mb',
    max_retries: 3,
    init: {
      FilesAdded: (uploader) => uploader.start(),
      UploadProgress: (uploader, file) => show(file.id, file.name, `${file.percent} %`),
      FileUploaded: (uploader, file) => {
        show(file.id, file.name, 'stored');
        list();
      },
      Error: (uploader, error) => {
        show(error.file?.id, error.file?.name ?? 'Plupload', error.response ? reason(error.response) : error.message);
      },
    },
  }).init();
}

function blueimp() {
  const show = rows('blueimp');
  const say = (data, text) => show(data.files[0], data.files[0].name, text);
  $('#blueimp input').fileupload({
    url,
    dataType: 'json',
    maxChunkSize: 2 * mega,
    add(event, data) {
      const { name, size } = data.files[0];
      $.getJSON(url, { file: name, size }).always(({ file }) => {
        data.uploadedBytes = file ? file.size : 0;
        data.submit();
      });
    },
    progress: (event, data) => say(data, percent(data.loaded / data.total)),
    fail: (event, data) => say(data, data.errorThrown),
    done: (event, data) => {
      say(data, data.result.files[0].error ?? 'stored');
      list();
    },
  });
}

function uppy(id, plugin, options) {
  const uploader = new Uppy({ id, autoProceed: true });
  uploader.use(Dashboard, { target: section(id, '.widget'), inline: true, theme: 'auto', width: '100%', height: 260 });
  uploader.use(plugin, { endpoint: url, ...options });
  uploader.on('upload-success', list);
  uploader.on('upload-error', (file, error) => {
    uploader.info(error.originalResponse?.getBody() || error.message, 'error', 10_000);
  });
}

function uppyXhr() {
  uppy('uppy-xhr', XHRUpload, {
    shouldRetry: (xhr) => xhr.status >= 500 && xhr.status !== 507,
    onAfterResponse: (xhr) => {
      if (xhr.status >= 400) throw new Error(reason(xhr.responseText));
    },
  });
}

function tusClient() {
  const show = rows('tus');
  async function send(file) {
    const say = (text) => show(file, file.name, text);
    const upload = new tus.Upload(file, {
      endpoint: url,
      metadata: { filename: file.name, filetype: file.type },
      retryDelays: [0, 1000, 3000, 5000],
      onProgress: (sent, size) => say(percent(sent / size)),
      onError: (error) => say(error.originalResponse?.getBody() || error.message),
      onSuccess: () => {
        say('stored');
        list();
      },
    });
    const [before] = await upload.findPreviousUploads();
    if (before) upload.resumeFromPreviousUpload(before);
    upload.start();
  }
  section('tus', 'input').addEventListener('change', ({ target }) => [...target.files].forEach(send));
}

await list(); // first of all: its answer brings the cookie by which this browser is one visitor, whatever it sends with
fineUploader();
dropzone();
filePond();
resumable();
flow();
pluploader();
blueimp();
uppy('uppy', Tus);
uppyXhr();
tusClient();
document.addEventListener('upload-complete', list); // <ajax-upload>
document.addEventListener('htmx:afterSwap', list);
document.body.dataset.ready = '';
