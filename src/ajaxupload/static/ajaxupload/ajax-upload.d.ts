/**
 * Types of ajax-upload.js. The script exports nothing: it is loaded for its side effects, by `<script src>` or by
 * `import './ajax-upload.js'`, and then `AjaxUpload`, `qq` and the element `<ajax-upload>` are there.
 * What lives here: the public face only. Whatever is not in this file may change without notice.
 */

export type UploadState =
  | 'queued'
  | 'sending'
  | 'waiting'
  | 'processing'
  | 'paused'
  | 'done'
  | 'failed'
  | 'cancelled';

/** One file on its way: the `detail` of most events. */
export interface UploadItem {
  readonly id: number;
  readonly file: File;
  readonly name: string;
  /** Path below the chosen or dropped folder, '' for a single file. */
  readonly path: string;
  /** Bytes. */
  readonly size: number;
  /** Bytes that have been sent; what the server has confirmed once a piece is answered. */
  readonly loaded: number;
  readonly state: UploadState;
  /** Why it failed: a key of the strings, such as 'network', 'changed' or 'http'; '' if it did not. */
  readonly code: string;
  /** The server's own reason, '' if it gave none. */
  readonly error: string;
  /** HTTP status of the failure, 0 if no answer came. */
  readonly status: number;
  /** The failure is about the file itself: the server said `preventRetry`, or 413, 415 or 422. No retry is offered. */
  readonly final: boolean;
  /** Seconds until the next try while `state` is 'waiting'; Infinity while the browser is offline. */
  readonly seconds: number;
  /** The server's JSON. */
  readonly response: Record<string, any> | null;
  /** Where the resumable upload lives, '' for a plain POST. */
  readonly url: string;
}

/** What `GET <endpoint>` with `Accept: application/json` answers. Sizes in bytes; 0 or absent: no limit. */
export interface UploadLimits {
  max_size?: number;
  min_size?: number;
  max_files?: number;
  /** Entries as in the `accept` attribute; empty: everything. */
  allow?: string[];
  protocols?: string[];
  /** Where tus uploads are created, relative to the endpoint; null where the server offers none. */
  resumable?: string | null;
}

/** An upload that a reload cut off and that the server still knows. */
export interface UnfinishedUpload {
  key: string;
  url: string;
  name: string;
  size: number;
  loaded: number;
}

/** The `detail` of `reject`: a file that was not added. */
export interface UploadReject {
  file: File;
  code: keyof UploadStrings;
  /** What the text needs: `allowed`, `max` and `min` (bytes), `count`. */
  values: Record<string, any>;
}

/** The `detail` of `before-request`: `headers` may be changed; preventing the event pauses the file. */
export interface UploadRequest {
  item: UploadItem;
  method: string;
  url: string;
  headers: Record<string, string>;
}

export interface UploaderOptions {
  endpoint: string;
  /** tus URL; '' is none, undefined asks the endpoint. */
  resumable?: string;
  /** Ask the endpoint for its limits. */
  limits: boolean;
  method: 'raw' | 'multipart';
  /** Name of the query parameter (raw) or form field (multipart). */
  field: string;
  /** Sent along: in the query (raw), as fields (multipart), as metadata (tus). */
  params: Record<string, any>;
  headers: Record<string, string>;
  /** Headers that carry the token against cross-site requests; called before each request. */
  csrf?: () => Record<string, string>;
  /** Send cookies to another origin. */
  credentials: boolean;
  /** Start as soon as files are added. */
  auto: boolean;
  /** Keep notes of unfinished uploads (file names!) in localStorage. */
  remember: boolean;
  concurrency: number;
  /** Bytes; files up to this size go in one POST, larger ones by tus in pieces of it. A proxy's 413 halves it. */
  chunkSize: number;
  /** Further tries without any progress. */
  retries: number;
  /** Seconds without progress after which a request is given up. */
  stall: number;
  /** As the attribute of an input. */
  accept: string;
  allowEmpty: boolean;
  minSize: number;
  maxSize: number;
  maxFiles: number;
}

interface UploadCommands {
  /** Start all that is queued; needed with `auto` off only. */
  start(): void;
  /** One file, or all. A plain POST starts over when it is resumed, tus goes on where it was. */
  pause(item?: UploadItem): void;
  /** Goes on with what was paused and tries again what failed: one file, or all but those whose failure is `final`. */
  resume(item?: UploadItem): void;
  /** Stops it and takes it out of the list; what is stored stays stored. One file, or all. */
  cancel(item?: UploadItem): void;
}

/**
 * The engine; touches no DOM. Events, each a CustomEvent: `add`* `added` `reject` `start` `state` `progress` `success`
 * `error` `pause` `resume` `cancel` `complete` `limits` `before-request`* (* may be prevented), and after each of them
 * `any` with `{type, detail}`.
 */
declare class UploadEngine extends EventTarget implements UploadCommands {
  constructor(options?: Partial<UploaderOptions>);
  options: UploaderOptions;
  /** The endpoint's own limits once `limits()` has resolved. */
  allowed: UploadLimits;
  items: UploadItem[];
  /** The files of the running batch. */
  readonly batch: UploadItem[];
  /** Files being sent or about to be. */
  readonly active: UploadItem[];
  /** Bytes of the running batch: sent, and in all. */
  readonly loaded: number;
  readonly total: number;
  /** Bytes per second, 0 while it is too early to tell. */
  readonly rate: number;
  readonly maxSize: number;
  readonly maxFiles: number;
  limits(): Promise<void>;
  check(file: File, ahead?: number): [keyof UploadStrings, Record<string, any>] | undefined;
  add(files: Iterable<File>): UploadItem[];
  unfinished(): UnfinishedUpload[];
  discard(upload: UnfinishedUpload): void;
  start(): void;
  pause(item?: UploadItem): void;
  resume(item?: UploadItem): void;
  cancel(item?: UploadItem): void;
}
export type Uploader = UploadEngine;

/** The element `<ajax-upload>`. */
declare class AjaxUploadElement extends HTMLElement implements UploadCommands {
  static readonly formAssociated: true;
  /** English; assign keys to change them for every element. */
  static strings: UploadStrings;
  static readonly Uploader: typeof UploadEngine;
  /** This element's own texts, before `AjaxUpload.strings`. */
  strings: Partial<UploadStrings>;
  readonly uploader: UploadEngine;
  /** The native file input. */
  readonly input: HTMLInputElement;
  /** Drawn, and the server's limits known or given up on. */
  readonly ready: Promise<void>;
  readonly files: UploadItem[];
  readonly form: HTMLFormElement | null;
  readonly name: string;
  readonly validity: ValidityState;
  readonly validationMessage: string;
  checkValidity(): boolean;
  reportValidity(): boolean;
  add(files: Iterable<File>): Promise<UploadItem[]>;
  start(): void;
  pause(item?: UploadItem): void;
  resume(item?: UploadItem): void;
  cancel(item?: UploadItem): void;
}

/** Texts by key; a key may have plural forms, `added_one`, `added_few` ... (categories of Intl.PluralRules). */
export interface UploadStrings {
  choose: string;
  chooseOne: string;
  chooseFolder: string;
  drop: string;
  limit: string;
  limitCount: string;
  limitTypes: string;
  /** Names of 1024, 1024 ** 2 ... bytes, between spaces. */
  units: string;
  list: string;
  all: string;
  queued: string;
  sending: string;
  rate: string;
  processing: string;
  paused: string;
  offline: string;
  retrying: string;
  done: string;
  failed: string;
  refused: string;
  start: string;
  pause: string;
  resume: string;
  retry: string;
  cancel: string;
  remove: string;
  discard: string;
  progress: string;
  added: string;
  added_one: string;
  allDone: string;
  allDone_one: string;
  someFailed: string;
  someFailed_one: string;
  manyRefused: string;
  unfinished: string;
  typeError: string;
  sizeError: string;
  minSizeError: string;
  emptyError: string;
  countError: string;
  countError_one: string;
  required: string;
  busy: string;
  network: string;
  changed: string;
  answer: string;
  http: string;
  tooLarge: string;
  unsent: string;
  qqButton: string;
  qqDrop: string;
  qqCancel: string;
  qqFailed: string;
}

/** Options of `qq.FileUploader` and `qq.FileUploaderBasic`, as the valums script and django-ajax-uploader had them. */
export interface QqOptions {
  action: string;
  /** Sent in the query. `csrf_token` with `csrf_xname` becomes a header instead. */
  params: Record<string, any>;
  /** The place to draw in; qq.FileUploader only, and required there. */
  element?: HTMLElement | null;
  listElement?: HTMLElement | null;
  /** qq.FileUploaderBasic: what is to open the chooser. */
  button: HTMLElement | null;
  multiple: boolean;
  maxConnections: number;
  allowedExtensions: string[];
  /** Bytes; 0 is none. */
  sizeLimit: number;
  minSizeLimit: number;
  filesLimit: number;
  debug: boolean;
  /** HTML, or an element (the only form that works under Trusted Types). */
  template?: string | Node;
  fileTemplate?: string | Node;
  classes: Record<
    'button' | 'drop' | 'dropActive' | 'list' | 'file' | 'spinner' | 'size' | 'cancel' | 'success' | 'fail',
    string
  >;
  /** `typeError`, `sizeError`, `minSizeError`, `emptyError`, `filesLimitError`, `onLeave`; with {file}, {extensions} ... */
  messages: Record<string, string>;
  /** tus URL; not in the old script. '' is none, undefined asks the endpoint when a file is large. */
  resumable?: string;
  /** Return false to leave the file out. */
  onSubmit(id: number, fileName: string): boolean | void;
  onProgress(id: number, fileName: string, loaded: number, total: number): void;
  onComplete(id: number, fileName: string, response: Record<string, any>): void;
  onAllComplete(uploads: { file: File; response: Record<string, any> }[]): void;
  onCancel(id: number, fileName: string): void;
  showMessage(message: string): void;
}

declare class QqFileUploaderBasic {
  constructor(options?: Partial<QqOptions>);
  setParams(params: Record<string, any>): void;
  /** How many files are being sent or wait for their turn. */
  getInProgress(): number;
  cancel(id: number): void;
  cancelAll(): void;
}

interface UploadEventMap {
  'upload-add': CustomEvent<UploadItem>;
  'upload-reject': CustomEvent<UploadReject>;
  'upload-start': CustomEvent<UploadItem>;
  'upload-progress': CustomEvent<UploadItem>;
  'upload-success': CustomEvent<UploadItem>;
  'upload-error': CustomEvent<UploadItem>;
  'upload-pause': CustomEvent<UploadItem>;
  'upload-resume': CustomEvent<UploadItem>;
  'upload-cancel': CustomEvent<UploadItem>;
  'upload-complete': CustomEvent<UploadItem[]>;
  'upload-before-request': CustomEvent<UploadRequest>;
}

declare global {
  interface HTMLElementTagNameMap {
    'ajax-upload': AjaxUploadElement;
  }
  interface HTMLElementEventMap extends UploadEventMap {}
  interface DocumentEventMap extends UploadEventMap {}
  var AjaxUpload: typeof AjaxUploadElement;
  var qq: { FileUploader: typeof QqFileUploaderBasic; FileUploaderBasic: typeof QqFileUploaderBasic };
}
