// @ts-check
/*
 * The law of this file. It is the whole widget: a classic script, so that an inline script right after it may already
 * use it, and also importable for its side effects. No dependency, no build step; ajax-upload.min.js beside it is
 * this file with the comments and long names taken out.
 *
 * Three layers, each knowing only those above it:
 *   1. `Uploader`, the engine. Touches no DOM: queue, checks, retries, tus and plain POST, what survives a reload.
 *   2. `AjaxUpload`, the custom element: what a person sees, hears and does, and the form it stands in.
 *   3. `qq.FileUploader` and `qq.FileUploaderBasic`: the interface of the old valums script, on the same engine.
 *
 * Never here: innerHTML (one exception, for templates that a page hands to the qq interface), eval, style attributes,
 * blob: or data: URLs. So the page may send `default-src 'self'; require-trusted-types-for 'script'; trusted-types 'none'`.
 */
(() => {
  /** @typedef {import('./ajax-upload.d.ts').UploadItem} UploadItem */
  /** @typedef {import('./ajax-upload.d.ts').UploadState} UploadState */
  /** @typedef {import('./ajax-upload.d.ts').UploaderOptions} UploaderOptions */
  /** @typedef {import('./ajax-upload.d.ts').UploadLimits} UploadLimits */
  /** @typedef {import('./ajax-upload.d.ts').UnfinishedUpload} UnfinishedUpload */
  /** @typedef {import('./ajax-upload.d.ts').UploadReject} UploadReject */
  /** @typedef {import('./ajax-upload.d.ts').UploadStrings} UploadStrings */
  /** @typedef {import('./ajax-upload.d.ts').QqOptions} QqOptions */
  /** @typedef {Record<string, any>} Dict */

  /**
   * Every text a person can read or hear. A key may have plural forms, `key_one`, `key_few` ...: the categories of
   * Intl.PluralRules. Replace any of them in `AjaxUpload.strings`, in `element.strings`, or by the `strings` attribute.
   * @type {UploadStrings}
   */
  const STRINGS = {
    choose: 'Choose files',
    chooseOne: 'Choose a file',
    chooseFolder: 'Choose a folder',
    drop: 'or drop here, or paste.',
    limit: 'Up to {max} each.',
    limitCount: 'No more than {count} files.',
    limitTypes: 'Allowed: {allowed}.',
    units: 'KiB MiB GiB TiB',
    list: 'Files',
    all: 'all files',
    queued: 'Waiting, {size}',
    sending: '{percent}, {loaded} of {size}',
    rate: '{speed}/s, {time} left',
    processing: 'Finishing…',
    paused: 'Paused at {percent}',
    offline: 'No connection. It goes on by itself once you are online.',
    retrying: 'Connection problem. Next try in {time}.',
    done: 'Uploaded, {size}',
    failed: 'Failed: {message}',
    refused: 'Not added: {message}',
    start: 'Start {file}',
    pause: 'Pause {file}',
    resume: 'Resume {file}',
    retry: 'Try {file} again',
    cancel: 'Cancel {file}',
    remove: 'Remove {file}',
    discard: 'Discard {file}',
    progress: '{done} of {count} files, {percent}',
    added: '{count} files added',
    added_one: '{file} added',
    allDone: '{count} files uploaded',
    allDone_one: '{file} uploaded',
    someFailed: '{failed} of {count} files failed',
    someFailed_one: '{file} failed',
    manyRefused: '{count} files were not added. {message}',
    unfinished: '{file} was not finished ({percent}). Choose the same file again to go on.',
    typeError: '{file} cannot be uploaded here. Allowed: {allowed}.',
    sizeError: '{file} is too large. The limit is {max}.',
    minSizeError: '{file} is too small. At least {min} is needed.',
    emptyError: '{file} is empty.',
    countError: 'No more than {count} files can be uploaded.',
    countError_one: 'Only one file can be uploaded.',
    required: 'Please choose a file.',
    busy: 'Please wait until the upload is finished.',
    network: 'The connection was lost.',
    changed: 'It was changed or removed on your device. Choose it again.',
    answer: 'The server sent a page instead. Perhaps you need to log in again.',
    http: 'The server answered {status}.',
    tooLarge: 'The server does not take a file this large.',
    unsent: '{file} was not uploaded. Try again, or remove it.',
    qqButton: 'Upload a file',
    qqDrop: 'Drop files here to upload',
    qqCancel: 'Cancel',
    qqFailed: 'Failed',
  };

  /** @param {string} text @param {Dict} values */
  const fill = (text, values) => text.replace(/\{(\w+)\}/g, (all, key) => values[key] ?? all);

  /** Never 100 % before the end: rounded down. @param {number} part @param {number} whole @param {string} [lang] */
  const percent = (part, whole, lang) =>
    (whole ? Math.floor((part / whole) * 100) / 100 : 0).toLocaleString(lang, { style: 'percent' });

  /**
   * "3 bytes", "812.5 KiB", "1 GiB": in the units that the server's own texts have. Intl knows none above the byte.
   * @param {number} n @param {string | undefined} lang @param {string} units the text of that name
   */
  const bytes = (n, lang, units) => {
    let unit = -1;
    for (; n >= 1023.95 && unit < 3; unit++) n /= 1024; // what would be shown as 1,024
    return unit < 0
      ? Math.round(n).toLocaleString(lang, { style: 'unit', unit: 'byte', unitDisplay: 'long' })
      : n.toLocaleString(lang, { maximumFractionDigits: 1 }) + ' ' + units.split(' ')[unit];
  };

  /** @param {number} seconds @param {string} [lang] */
  const duration = (seconds, lang) => {
    const [n, unit] = seconds < 90 ? [seconds, 'second'] : seconds < 5400 ? [seconds / 60, 'minute'] : [seconds / 3600, 'hour'];
    return Math.ceil(n).toLocaleString(lang, { style: 'unit', unit, unitDisplay: 'short' });
  };

  /** "10 MB", "512KiB", "1000" -> bytes; 0, which means no limit, for anything else. @param {string} text */
  const parseSize = (text) => {
    const match = /^([\d.]+) *([kmgt]?)(i?)b?$/i.exec(text);
    return match ? Math.round(+match[1] * (match[3] ? 1024 : 1000) ** ' kmgt'.indexOf(match[2].toLowerCase() || ' ')) : 0;
  };

  /** The smaller of two limits, where 0 is none. @param {number} a @param {number} b */
  const narrower = (a, b) => Math.min(a || b, b || a);

  /** @param {string} url */
  const resolve = (url) => new URL(url, globalThis.document?.baseURI).href;

  /* ------------------------------------------------------------------------------------------------ 1. the engine */

  const MIN_PIECE = 64 << 10; // below this a 413 cannot be about the size of the piece
  const REMEMBER = 24 * 36e5; // ms; what most servers keep of an unfinished upload
  const WINDOW = 8000; // ms over which speed is measured: long enough to be calm, short enough to be true
  const DELAYS = [0, 1, 3, 8]; // s before each further try, then 20
  const TUS = { 'Tus-Resumable': '1.0.0' };

  /** A request that did not end well. `status` 0: no answer came at all. */
  class Failure extends Error {
    /** The server's own words. */ error = '';
    /** Seconds, from Retry-After. */ after = 0;
    /** Bytes of the body. */ sent = 0;

    /** @param {string} code a key of STRINGS @param {number} [status] @param {Dict | null} [response] */
    constructor(code, status = 0, response = null) {
      super(code);
      this.code = code;
      this.status = status;
      this.response = response;
      /** Is the file itself refused, so that nobody need try it again? Who has to log in may do so in another tab. */
      this.final =
        code === 'changed' || (status !== 401 && (response?.preventRetry ?? [413, 415, 422].includes(status)));
      /** Would the same request have a chance later? */
      this.passing =
        !this.final &&
        (!status || [408, 409, 423, 425, 429].includes(status) || (status >= 500 && status !== 501));
    }
  }

  /** The server's own words, wherever servers put them. @param {XMLHttpRequest} xhr @param {Dict | null} json */
  const reasonOf = (xhr, json) => {
    const type = xhr.getResponseHeader('Content-Type') ?? '';
    const text = type.startsWith('text/plain') && xhr.responseText.slice(0, 300).trim();
    return [json?.error, json?.error?.message, json?.message, json?.detail, text].find((one) => one?.trim) || '';
  };

  /** Retry-After is seconds or a date. @param {string | null} value */
  const secondsOf = (value) => Number(value) || Math.max(0, Date.parse(/** @type {string} */ (value)) - Date.now()) / 1000 || 0;

  /**
   * One XMLHttpRequest, because fetch() tells no upload progress. A 2xx resolves, all else rejects with a Failure; an
   * abort rejects with the signal's reason.
   * @param {string} method @param {string} url
   * @param {{headers?: Dict, body?: any, signal?: AbortSignal, stall?: number, credentials?: boolean,
   *   progress?: (n: number) => void, whole?: () => void}} options
   * @returns {Promise<{json: Dict | null, header: (name: string) => string | null}>}
   */
  const request = (method, url, { headers, body, signal, stall = 30, credentials, progress, whole }) =>
    new Promise((ok, no) => {
      if (signal?.aborted) return no(signal.reason);
      const xhr = new XMLHttpRequest();
      const stop = () => xhr.abort();
      /** @type {any} */ let timer;
      /** Give up if nothing moves for so long. @param {number} seconds */
      const watch = (seconds) => {
        clearTimeout(timer);
        timer = setTimeout(stop, seconds * 1000);
      };
      signal?.addEventListener('abort', stop);
      xhr.open(method, url);
      xhr.withCredentials = !!credentials;
      for (const name in headers) xhr.setRequestHeader(name, headers[name]);
      if (body) {
        xhr.upload.onprogress = (event) => {
          watch(stall);
          progress?.(event.loaded);
        };
        xhr.upload.onload = () => {
          watch(stall * 10); // the bytes are over there; syncing, scanning and forwarding them takes its time
          whole?.();
        };
      }
      // The end, whichever: an answer, no answer, or stop().
      xhr.onloadend = () => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', stop);
        if (signal?.aborted) return no(signal.reason);
        const { status } = xhr;
        const header = (/** @type {string} */ name) => xhr.getResponseHeader(name);
        /** @type {Dict | null} */ let json = null;
        try {
          json = Object(JSON.parse(xhr.responseText));
        } catch {
          // not JSON: perhaps empty, perhaps a proxy's page
        }
        const good = status >= 200 && status < 300;
        // A log-in page after a redirect is a 200 as well, and nothing was stored.
        const page = good && !json && xhr.responseText && header('Content-Type')?.includes('html');
        if (good && !page && json?.success !== false) return ok({ json, header });
        const code = page ? 'answer' : !status ? 'network' : status === 413 ? 'tooLarge' : 'http';
        const failure = new Failure(code, status, json);
        failure.error = reasonOf(xhr, json);
        failure.after = secondsOf(header('Retry-After'));
        failure.sent = body?.size ?? 0;
        no(failure);
      };
      watch(body && !body.size ? stall * 10 : stall); // an empty last piece waits for the whole file to be stored
      xhr.send(body ?? null);
    });

  /** For catch(): a failure of one of these statuses counts as no answer. @param {...number} statuses */
  const unless =
    (...statuses) =>
    (/** @type {Failure} */ failure) => {
      if (!statuses.includes(failure.status)) throw failure;
    };

  /** Waits; the network's return or an abort end it early. @param {number} ms @param {AbortSignal} signal */
  const nap = (ms, signal) =>
    new Promise((ok) => {
      const over = new AbortController(); // as an option it brings its own `signal`: whichever comes first ends the others
      const wake = () => {
        over.abort();
        ok(0);
      };
      if (ms < Infinity) setTimeout(wake, ms);
      addEventListener('online', wake, over);
      signal.addEventListener('abort', wake, over);
    });

  /** Unfinished uploads that survive a reload, one entry of localStorage each. Storage may be full or forbidden. */
  const memory = {
    /** @returns {[string, Dict][]} */
    all() {
      try {
        return Object.keys(localStorage)
          .filter((key) => key.startsWith('ajax-upload|'))
          .map((key) => [key, JSON.parse(localStorage[key])]);
      } catch {
        return [];
      }
    },
    /** @param {string} key @param {Dict | null} value */
    set(key, value) {
      try {
        if (value) localStorage.setItem(key, JSON.stringify(value));
        else localStorage.removeItem(key);
      } catch {
        // then this upload cannot be resumed after a reload; it goes on all the same
      }
    },
  };

  /**
   * Two files of one name, size and date are not always the same file, so both ends of the content count too.
   * crypto.subtle is missing on plain HTTP pages; the rest has to do there.
   * @param {File} file
   */
  const fingerprint = async (file) => {
    const ends = await new Blob([file.slice(0, 65536), file.slice(-65536)]).arrayBuffer();
    const sum = await crypto.subtle?.digest('SHA-256', ends);
    return [file.name, file.size, file.lastModified, new Uint8Array(sum ?? 0).slice(0, 12).join('.')].join('|');
  };

  /** As tus wants it. Empty values are left out: WebKit trims the space before one, and some servers trip over that. @param {Dict} values */
  const metadata = (values) =>
    Object.entries(values)
      .filter(([, value]) => value)
      .map(([key, value]) => key + ' ' + btoa(String.fromCharCode(...new TextEncoder().encode(value))))
      .join(',');

  /** A random key for one upload. Not crypto.randomUUID, which needs HTTPS. */
  const newKey = () => crypto.getRandomValues(new Uint32Array(4)).join('-');

  /** A dropped file's path below the dropped folder; File objects take no new properties from us. @type {WeakMap<File, string>} */
  const paths = new WeakMap();

  /** One file on its way. Fields with an underscore belong to the engine. @implements {UploadItem} */
  class Item {
    loaded = 0;
    /** @type {UploadState} */ state = 'queued';
    code = '';
    error = '';
    status = 0;
    final = false;
    seconds = 0;
    url = '';
    /** @type {Dict | null} */ response = null;
    /** @type {AbortController | undefined} */ _ctl;
    _wanted = false; // start() was called for it, and the batch it belongs to is not complete
    _key = ''; // its entry in `memory`, once it goes by tus
    _stored = 0; // the offset that the server has confirmed
    _once = newKey(); // Idempotency-Key: a repeat of this POST is the same upload

    /** @param {number} id @param {File} file */
    constructor(id, file) {
      this.id = id;
      this.file = file;
      this.name = file.name;
      this.size = file.size;
      this.path = paths.get(file) || file.webkitRelativePath || '';
    }
  }

  /** @type {UploaderOptions} */
  const DEFAULTS = {
    endpoint: '',
    limits: true,
    method: 'raw',
    field: 'qqfile',
    params: {},
    headers: {},
    credentials: false,
    auto: true,
    remember: true,
    concurrency: 3,
    chunkSize: 8 << 20,
    retries: 5,
    stall: 30,
    accept: '',
    allowEmpty: true,
    minSize: 0,
    maxSize: 0,
    maxFiles: 0,
  };

  class Uploader extends EventTarget {
    /** @type {Item[]} */ items = [];
    #ids = 0;
    #busy = false;
    #moved = 0; // bytes that went over the wire: what speed is measured by, unlike an offset that a resume jumps to
    /** @type {[number, number][]} */ #samples = [];
    /** @type {Promise<void> | undefined} */ #limits;

    /** @param {Partial<UploaderOptions>} [options] */
    constructor(options) {
      super();
      this.options = { ...DEFAULTS, ...options };
      /** @type {UploadLimits} */ this.allowed = {};
    }

    /** @param {string} type @param {any} detail @returns {boolean} false when a listener prevented it */
    #emit(type, detail) {
      /** @param {string} name @param {any} about */
      const tell = (name, about) => this.dispatchEvent(new CustomEvent(name, { detail: about, cancelable: true }));
      const wanted = tell(type, detail);
      return tell('any', { type, detail }) && wanted; // `any` is for those who pass all of them on
    }

    /** @param {Item} item @param {UploadState} state */
    #set(item, state) {
      item.state = state;
      this.#emit('state', item);
    }

    /** What the endpoint allows, asked once, so that a page need not repeat the server's settings. Never rejects. */
    async limits() {
      const { endpoint, limits, credentials } = this.options;
      if (!limits) return;
      this.#limits ??= request('GET', resolve(endpoint), { headers: { Accept: 'application/json' }, credentials })
        .then(({ json }) => {
          this.allowed = json ?? {};
          const { resumable } = this.allowed;
          this.options.resumable ??= resumable ? new URL(resumable, resolve(endpoint)).href : '';
          this.#emit('limits', this.allowed);
        })
        .catch(() => {}); // another kind of server: it will say no by itself
      await this.#limits;
    }

    /** The page's limit or the server's, whichever is narrower; 0 is none. */
    get maxSize() {
      return narrower(this.options.maxSize, this.allowed.max_size ?? 0);
    }

    get maxFiles() {
      return narrower(this.options.maxFiles, this.allowed.max_files ?? 0);
    }

    /** @param {File} file @param {string[]} list as in the `accept` attribute */
    #typed({ name, type }, list) {
      return list.some((entry) => {
        entry = entry.trim().toLowerCase();
        if (entry[0] === '.') return name.toLowerCase().endsWith(entry);
        // A browser that does not know the type says ''. Then only the server can tell.
        return !type || entry === '*/*' || (entry.endsWith('/*') ? type.startsWith(entry.slice(0, -1)) : type === entry);
      });
    }

    /**
     * Why this file may not be added, as a key of the strings and the values to fill in; undefined if it may.
     * @param {File} file @param {number} [ahead] files of the same batch that are not in the list yet
     * @returns {[keyof UploadStrings, Dict] | undefined}
     */
    check(file, ahead = 0) {
      const { accept, minSize, allowEmpty } = this.options;
      for (const list of [accept ? accept.split(',') : [], this.allowed.allow ?? []])
        if (list.length && !this.#typed(file, list)) return ['typeError', { allowed: list.join(', ') }];
      const min = Math.max(minSize, this.allowed.min_size ?? 0);
      if (!file.size && (!allowEmpty || min)) return ['emptyError', {}];
      if (this.maxSize && file.size > this.maxSize) return ['sizeError', { max: this.maxSize }];
      if (file.size < min) return ['minSizeError', { min }];
      if (this.maxFiles && this.items.length + ahead >= this.maxFiles) return ['countError', { count: this.maxFiles }];
    }

    /** @param {Iterable<File>} files @returns {Item[]} those that passed the checks and the `add` listeners */
    add(files) {
      const added = [];
      const refused = [];
      for (const file of files) {
        const [code, values] = this.check(file) ?? [];
        if (code) {
          refused.push({ file, code, values });
          continue;
        }
        const item = new Item(this.#ids++, file);
        if (!this.#emit('add', item)) continue;
        this.items.push(item);
        added.push(item);
      }
      for (const one of refused) this.#emit('reject', one);
      if (added.length || refused.length) this.#emit('added', { added, refused });
      if (this.options.auto) this.start();
      return added;
    }

    start() {
      for (const item of this.items)
        if (item.state === 'queued' && !item._wanted) {
          item._wanted = true;
          this.#set(item, 'queued');
        }
      this.#next();
    }

    /** The files of the running batch: from the first start() until all of them have ended. */
    get batch() {
      return this.items.filter((item) => item._wanted);
    }

    /** @param {'loaded' | 'size'} what */
    #sum(what) {
      return this.batch.reduce((sum, item) => sum + (item.state === 'failed' ? 0 : item[what]), 0);
    }

    get loaded() {
      return this.#sum('loaded');
    }

    get total() {
      return this.#sum('size');
    }

    /** Files being sent or about to be. */
    get active() {
      return this.items.filter(({ state, _wanted }) => _wanted && !/paused|done|failed/.test(state));
    }

    /** Bytes per second over the last seconds; 0 while it is too early to tell. */
    get rate() {
      const now = performance.now();
      while (this.#samples[1]?.[0] < now - WINDOW) this.#samples.shift();
      const [since, at] = this.#samples[0] ?? [now, 0];
      return now - since > 500 ? ((this.#moved - at) / (now - since)) * 1000 : 0;
    }

    #next() {
      let free = this.options.concurrency - this.items.filter((item) => item._ctl).length;
      for (const item of this.items)
        if (item._wanted && item.state === 'queued' && !item._ctl && free-- > 0) this.#run(item);
      if (!this.#busy || this.active.length || this.items.some((item) => item.state === 'paused')) return;
      const { batch } = this;
      this.#busy = false;
      this.#samples = [];
      for (const item of batch) item._wanted = false;
      this.#emit('complete', batch);
    }

    /** @param {Item} item */
    async #run(item) {
      const ctl = (item._ctl = new AbortController());
      const { signal } = ctl;
      this.#busy = true;
      this.#set(item, 'sending');
      this.#emit('start', item);
      try {
        item.response = await this.#persist(item, signal);
        item.loaded = item.size;
        memory.set(item._key, null);
        this.#set(item, 'done');
        this.#emit('success', item);
      } catch (/** @type {any} */ error) {
        if (!signal.aborted) {
          // What is not a Failure is the browser's: the file cannot be read, or the page set something impossible.
          const failure = error instanceof Failure ? error : new Failure('changed');
          if (failure !== error && !/^Not/.test(error.name)) failure.error = String(error);
          Object.assign(item, failure);
          // A server that answered may keep its answer for the key; a new try by hand must be a new upload.
          if (item.status) item._once = newKey();
          this.#set(item, 'failed');
          this.#emit('error', item);
        }
      }
      item._ctl = undefined;
      this.#next();
    }

    /** Sends until it is stored, or there is no sense in trying again. @param {Item} item @param {AbortSignal} signal */
    async #persist(item, signal) {
      const { options } = this;
      for (let tries = 0; ; ) {
        if (item.state !== 'sending') this.#set(item, 'sending');
        const before = item._stored;
        try {
          if (item.size > options.chunkSize && options.resumable == null) await this.limits();
          return await (options.resumable && item.size > options.chunkSize ? this.#tus(item) : this.#post(item));
        } catch (failure) {
          if (!(failure instanceof Failure)) throw failure;
          const { status, sent } = failure;
          // A 413 without our JSON is a proxy's, and about this request, not about the file: smaller pieces pass.
          if (status === 413 && !failure.response && sent > MIN_PIECE && options.resumable) {
            options.chunkSize = Math.max(MIN_PIECE, Math.ceil(sent / 2));
            continue;
          }
          // A file changed on disk fails like a lost connection, but no retry mends it. This read rejects if it is so.
          if (!status) await item.file.slice(0, 1).arrayBuffer();
          signal.throwIfAborted();
          item.loaded = item._stored;
          if (item._stored > before) tries = 0; // what the server has, it has: the budget is whole again
          const offline = navigator.onLine === false;
          if (!failure.passing || (!offline && tries >= options.retries)) throw failure;
          const delay = (DELAYS[tries] ?? 20) * (0.75 + Math.random() / 2);
          item.seconds = offline ? Infinity : failure.after || delay;
          if (!offline) tries++;
          if (item.seconds) this.#set(item, 'waiting');
          await nap(item.seconds * 1000, signal);
          signal.throwIfAborted();
        }
      }
    }

    /**
     * A request for this file, with the headers that all of them carry. `before-request` may change them, or prevent
     * it: then the file is paused.
     * @param {Item} item @param {string} method @param {string} url @param {Dict} headers
     * @param {Blob | FormData} [body] @param {number} [at] where in the file the body begins
     */
    async #call(item, method, url, headers, body, at = 0) {
      const { csrf, credentials, stall, headers: own } = this.options;
      headers = { Accept: 'application/json', 'X-Requested-With': 'XMLHttpRequest', ...csrf?.(), ...own, ...headers };
      if (!this.#emit('before-request', { item, method, url, headers })) this.pause(item);
      return request(method, url, {
        headers,
        body,
        credentials,
        stall,
        signal: item._ctl?.signal,
        progress: (n) => this.#progress(item, at + n),
        whole: () => item.loaded < item.size || this.#set(item, 'processing'),
      });
    }

    /** @param {Item} item @param {number} loaded @param {boolean} [moved] over the wire, not by a resume */
    #progress(item, loaded, moved = true) {
      loaded = Math.min(loaded, item.size);
      if (moved) this.#moved += Math.max(0, loaded - item.loaded);
      item.loaded = loaded;
      this.#samples.push([performance.now(), this.#moved]);
      this.#emit('progress', item);
    }

    /** The whole file in one request: raw as the valums script sent it, or multipart. @param {Item} item */
    async #post(item) {
      const { endpoint, method, field, params } = this.options;
      const { file, name } = item;
      const url = new URL(resolve(endpoint));
      /** @type {Dict} */ const headers = { 'Idempotency-Key': `"${item._once}"` };
      /** @type {Blob | FormData} */ let body = file;
      if (method === 'multipart') {
        body = new FormData();
        for (const key in params) body.append(key, params[key]);
        body.append(field, file, name);
      } else {
        for (const key in params) url.searchParams.append(key, params[key]);
        url.searchParams.append(field, name);
        headers['X-File-Name'] = encodeURIComponent(name);
        headers['Content-Type'] = 'application/octet-stream';
      }
      this.#progress(item, 0, false);
      const { json } = await this.#call(item, 'POST', url.href, headers, body);
      return json ?? { success: true };
    }

    /** tus 1.0.0: create or find the upload, then send it piece by piece. @param {Item} item */
    async #tus(item) {
      const { options } = this;
      const base = resolve(options.resumable ?? '');
      if (!item._key) {
        const key = ['ajax-upload', base, await fingerprint(item.file)].join('|');
        // The same file twice in one list is two uploads; only the first may be the one that is remembered.
        item._key = this.items.some((other) => other._key === key) ? `${key}|${item._once}` : key;
      }
      item.url ||= memory.all().find(([key]) => key === item._key)?.[1].url ?? '';
      let offset = NaN; // until the server says how much of it it has
      if (item.url) {
        const reply = await this.#call(item, 'HEAD', item.url, TUS).catch(unless(403, 404, 410));
        offset = Number(reply?.header('Upload-Offset') ?? NaN);
      }
      if (isNaN(offset)) {
        item.url = await this.#create(item, base);
        if (!item.url) return this.#post(item);
        offset = 0;
      }
      this.#confirm(item, offset);
      /** @type {Dict | null} */ let json;
      // At least once: when only the last answer was lost, an empty piece at the end brings it again.
      do {
        const at = offset;
        const body = item.file.slice(at, at + options.chunkSize);
        const headers = {
          ...TUS,
          'Upload-Offset': String(at),
          'Content-Type': 'application/offset+octet-stream',
          Prefer: 'return=representation',
        };
        const reply = await this.#call(item, 'PATCH', item.url, headers, body, at).catch((failure) => {
          if ([404, 410].includes(failure.status)) {
            item.url = ''; // the server lost it, or let it expire: the next try begins anew
            memory.set(item._key, null);
            failure.passing = true;
          }
          throw failure;
        });
        json = reply.json;
        offset = Number(reply.header('Upload-Offset') ?? at + body.size);
        if (offset <= at && at < item.size) throw new Failure('network');
        this.#confirm(item, offset, reply.header('Upload-Expires'));
      } while (offset < item.size);
      return { success: true, id: item.url.split('/').pop(), url: item.url, ...json };
    }

    /** The new upload's URL, or '' where the server turns out not to speak tus. @param {Item} item @param {string} base */
    async #create(item, base) {
      const { params, endpoint } = this.options;
      const { name, path, file } = item;
      const about = { filename: name, filetype: file.type, relativePath: path, ...params };
      const headers = {
        ...TUS,
        'Upload-Length': String(item.size),
        'Upload-Metadata': metadata(about),
        'Idempotency-Key': `"${item._once}"`,
      };
      const reply = await this.#call(item, 'POST', base, headers).catch(unless(200, 201, 404, 405, 501));
      const url = reply?.header('Location');
      if (url) return new URL(url, base).href;
      if (!endpoint) throw new Failure('answer', 200);
      this.options.resumable = '';
      item._key = '';
      return '';
    }

    /** The server has this much of it for certain. @param {Item} item @param {number} offset @param {string | null} [expires] */
    #confirm(item, offset, expires) {
      const { _key, url, name, size } = item;
      const until = Date.parse(/** @type {string} */ (expires)) || Date.now() + REMEMBER;
      item._stored = offset;
      if (this.options.remember) memory.set(_key, { url, name, size, loaded: offset, until });
      this.#progress(item, offset, false);
    }

    /** Uploads to this server that a reload or a closed tab cut off. @returns {UnfinishedUpload[]} */
    unfinished() {
      const base = `ajax-upload|${resolve(this.options.resumable || '')}|`;
      const found = [];
      for (const [key, one] of memory.all()) {
        if (!(one.until > Date.now())) memory.set(key, null);
        else if (this.options.resumable && key.startsWith(base) && !this.items.some((item) => item._key === key))
          found.push(/** @type {any} */ ({ key, ...one }));
      }
      return found;
    }

    /** Forget an unfinished upload and tell the server so. @param {UnfinishedUpload} upload */
    discard({ key, url }) {
      memory.set(key, null);
      this.#delete(url);
    }

    /** @param {string} url */
    #delete(url) {
      const { csrf, credentials, headers } = this.options;
      // Nobody waits for it, and a server that missed it lets the upload expire.
      request('DELETE', url, { headers: { ...csrf?.(), ...headers, ...TUS }, credentials }).catch(() => {});
    }

    /** @param {Item} [one] all if left out */
    pause(one) {
      for (const item of this.active)
        if (!one || one === item) {
          item._ctl?.abort();
          this.#set(item, 'paused');
          this.#emit('pause', item);
        }
    }

    /** Goes on with what was paused, and tries again what failed. @param {Item} [one] all if left out, but what is final */
    resume(one) {
      for (const item of one ? [one] : this.items)
        if (/paused|failed|queued/.test(item.state) && !this.active.includes(item) && (one || !item.final)) {
          item.code = item.error = '';
          item._wanted = true;
          this.#set(item, 'queued');
          this.#emit('resume', item);
        }
      this.#next();
    }

    /** Stops it and takes it out of the list; a file that is stored stays stored. @param {Item} [one] all if left out */
    cancel(one) {
      for (const item of one ? [one] : [...this.items]) {
        const at = this.items.indexOf(item);
        if (at < 0) continue;
        const stored = item.state === 'done';
        this.items.splice(at, 1);
        item._ctl?.abort();
        this.#set(item, 'cancelled');
        memory.set(item._key, null);
        if (item.url && !stored) this.#delete(item.url);
        this.#emit('cancel', item);
      }
      this.#next();
    }
  }

  /* ---------------------------------------------------------------------------------------- 2. the custom element */

  /**
   * Makes an element. A function becomes a listener, true an empty attribute; false and null are left out.
   * @param {string} tag @param {Dict} [attributes] @param {...(Node | string)} children @returns {any}
   */
  const make = (tag, attributes = {}, ...children) => {
    const node = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes))
      if (typeof value === 'function') node.addEventListener(name.slice(2), value);
      else if (value != null && value !== false) node.setAttribute(name, value === true ? '' : value);
    node.append(...children);
    return node;
  };

  /** @type {Record<string, string>} 24 x 24, drawn with a line */
  const ICONS = {
    upload: 'M12 16V5M7 9l5-5 5 5M4 20h16',
    start: 'M8 6v12l10-6z',
    pause: 'M9 6v12m6-12v12',
    retry: 'M19 12a7 7 0 1 1-2-5m2-3v4h-4',
    remove: 'M6 6l12 12m0-12L6 18',
  };
  ICONS.resume = ICONS.start;

  /** @param {string} name a key of ICONS; all others take something away, and get its cross */
  const icon = (name) => {
    const [svg, path] = ['svg', 'path'].map((tag) => document.createElementNS('http://www.w3.org/2000/svg', tag));
    svg.setAttribute('viewBox', '0 0 24 24');
    svg.setAttribute('aria-hidden', 'true');
    path.setAttribute('d', ICONS[name] ?? ICONS.remove);
    svg.append(path);
    return svg;
  };

  const DRAG = /** @type {const} */ (['dragenter', 'dragover', 'dragleave', 'drop']);

  /** @param {DragEvent} event @returns {event is DragEvent & {dataTransfer: DataTransfer}} */
  const hasFiles = (event) => !!event.dataTransfer?.types.includes('Files');

  /**
   * Every file below the dropped things, in the order of their names.
   * @param {DataTransfer} transfer @returns {Promise<File[]>}
   */
  const dropped = async (transfer) => {
    const plain = [...transfer.files];
    const roots = [...transfer.items].map((item) => item.webkitGetAsEntry?.()); // only now: later the list is empty
    if (!roots.some((root) => root?.isDirectory)) return plain;
    /** @type {File[]} */ const found = [];
    /** @param {any} entry */
    const walk = async (entry) => {
      if (entry.isFile) {
        const file = await new Promise((ok, no) => entry.file(ok, no));
        paths.set(file, entry.fullPath.slice(1));
        return found.push(file);
      }
      const reader = entry.createReader();
      for (;;) {
        // readEntries gives a hundred at most, and an empty list only at the end
        const some = await new Promise((ok, no) => reader.readEntries(ok, no));
        if (!some.length) return;
        for (const child of some) await walk(child).catch(() => {}); // unreadable: the others still count
      }
    };
    for (const root of roots) if (root) await walk(root).catch(() => {});
    const path = (/** @type {File} */ file) => /** @type {string} */ (paths.get(file));
    return found.sort((a, b) => path(a).localeCompare(path(b), undefined, { numeric: true }));
  };

  let painting = Promise.resolve(); // one picture at a time: a decoded photo takes fifty megabytes

  /** A thumbnail on a canvas: needs no blob: in the page's img-src. @param {File} file @param {HTMLElement} into */
  const thumbnail = (file, into) => {
    if (!/^image\/(?!svg)/.test(file.type) || file.size > 3e7) return;
    painting = painting.then(async () => {
      if (!into.isConnected) return;
      const bitmap = await createImageBitmap(file, { resizeHeight: 96 });
      const canvas = make('canvas', { width: bitmap.width, height: bitmap.height });
      canvas.getContext('2d').drawImage(bitmap, 0, 0);
      bitmap.close();
      into.replaceChildren(canvas);
    }).catch(() => {}); // not a picture after all: the tile keeps the file's extension
  };

  const isOn = (/** @type {string} */ text) => text !== 'off';
  const asIs = (/** @type {string} */ text) => text;
  const asSize = (/** @type {string} */ text) => parseSize(text) || undefined;
  const asCount = (/** @type {string} */ text) => Number(text) || undefined;

  /** The attributes that are options of the engine (max-size is maxSize), and how they are read. @type {Record<string, (text: string) => any>} */
  const ATTRIBUTES = {
    endpoint: asIs,
    resumable: (text) => (isOn(text) ? text : ''),
    limits: isOn,
    method: asIs,
    field: asIs,
    accept: asIs,
    'min-size': asSize,
    'max-size': asSize,
    'chunk-size': asSize,
    'max-files': asCount,
    concurrency: asCount,
    auto: isOn,
    remember: isOn,
    credentials: isOn,
  };

  class AjaxUpload extends /** @type {typeof HTMLElement} */ (globalThis.HTMLElement ?? Object) {
    static formAssociated = true;
    static observedAttributes = Object.keys(ATTRIBUTES);
    static strings = STRINGS;
    static Uploader = Uploader;

    /** @type {Partial<UploadStrings>} this element's own texts */ strings = {};
    uploader = new Uploader();
    /** @type {HTMLInputElement} */ input = /** @type {any} */ (null);
    #internals = this.attachInternals();
    /** @type {Partial<UploadStrings>} what the `strings` attribute brought */ #loaded = {};
    /** Files, refusals and unfinished uploads, each with its <li>. @type {Map<Dict, any>} */ #rows = new Map();
    #begin = (/** @type {any} */ _event) => {};
    /** Drawn, and the server's limits known or given up on. @type {Promise<void>} */
    ready = new Promise((ok) => (this.#begin = ok)).then(() => this.#build());
    #away = new AbortController();
    #frame = 0;
    #quarter = 0;
    #spoke = 0;
    #pending = false;
    /** @type {any} */ #hint;
    /** @type {any} */ #sum;
    /** @type {any} */ #list;
    /** @type {any} */ #status;
    /** @type {any} */ #alert;

    connectedCallback() {
      const { signal } = (this.#away = new AbortController());
      addEventListener('beforeunload', (event) => this.uploader.active.length && event.preventDefault(), { signal });
      document.addEventListener('paste', (event) => this.#paste(event), { signal });
      if (document.readyState !== 'loading') this.#begin(0);
      else document.addEventListener('DOMContentLoaded', this.#begin, { signal }); // our children are not parsed yet
    }

    disconnectedCallback() {
      this.#away.abort();
      // Moved elsewhere in the page, it goes on; taken out for good, nothing may go on that nobody sees.
      setTimeout(() => this.isConnected || this.pause());
    }

    /** @param {string} name @param {string | null} _old @param {string | null} text */
    attributeChangedCallback(name, _old, text) {
      const option = name.replace(/-(.)/, (_, letter) => letter.toUpperCase());
      const value = text == null ? undefined : ATTRIBUTES[name](text);
      /** @type {Dict} */ (this.uploader.options)[option] = value ?? /** @type {Dict} */ (DEFAULTS)[option];
    }

    /** @param {boolean} off by the fieldset or the attribute */
    formDisabledCallback(off) {
      for (const input of this.querySelectorAll('input')) input.disabled = off;
    }

    formResetCallback() {
      this.cancel();
      this.#tidy();
    }

    get files() {
      return this.uploader.items;
    }
    get form() {
      return this.#internals.form;
    }
    get name() {
      return this.getAttribute('name') ?? '';
    }
    get validity() {
      return this.#internals.validity;
    }
    get validationMessage() {
      return this.#internals.validationMessage;
    }
    checkValidity() {
      return this.#internals.checkValidity();
    }
    reportValidity() {
      return this.#internals.reportValidity();
    }
    /** @param {FocusOptions} [options] */
    focus(options) {
      this.input.focus(options);
    }

    /** @param {Iterable<File>} files @returns {Promise<UploadItem[]>} those that were taken */
    async add(files) {
      const list = [...files]; // now: a FileList empties itself when its input is cleared
      await this.ready;
      const { uploader, input } = this;
      this.#tidy();
      if (!input.multiple && list[0] && !uploader.check(list[0], -uploader.items.length)) uploader.cancel();
      return uploader.add(list);
    }
    start() {
      this.uploader.start();
    }
    /** @param {UploadItem} [item] */
    pause(item) {
      this.uploader.pause(/** @type {Item} */ (item));
    }
    /** @param {UploadItem} [item] */
    resume(item) {
      this.uploader.resume(/** @type {Item} */ (item));
    }
    /** @param {UploadItem} [item] */
    cancel(item) {
      this.uploader.cancel(/** @type {Item} */ (item));
    }

    /** The nearest language that Intl understands; undefined is the browser's own. */
    get #lang() {
      try {
        return Intl.getCanonicalLocales(/** @type {any} */ (this.closest('[lang]'))?.lang || undefined)[0];
      } catch {
        return undefined;
      }
    }

    /** @param {keyof UploadStrings} key @param {Dict} [values] `count` picks the plural form */
    #t(key, values = {}) {
      const form = 'count' in values ? `${key}_${new Intl.PluralRules(this.#lang).select(values.count)}` : key;
      for (const texts of [this.strings, this.#loaded, AjaxUpload.strings]) {
        const text = /** @type {Dict} */ (texts)[form] ?? texts[key];
        if (text != null) return fill(text, values);
      }
      return key;
    }

    /** @param {number} n bytes */
    #size(n) {
      return bytes(n, this.#lang, this.#t('units'));
    }

    /** Why it failed, in the server's words if it said any. @param {Item} item */
    #why({ error, code, status }) {
      return error || this.#t(/** @type {keyof UploadStrings} */ (code), { status });
    }

    async #build() {
      const url = this.getAttribute('strings');
      if (url) {
        const reply = await request('GET', resolve(url), {}).catch(() => null); // the browser's console says why
        this.#loaded = reply?.json ?? {};
      }
      const input = (this.input =
        this.querySelector('input[type=file]') ?? make('input', { type: 'file', multiple: this.hasAttribute('multiple') }));
      input.id ||= 'ajax-upload-' + newKey();
      const { options } = this.uploader;
      const { name, accept } = input;
      options.endpoint ||= this.form?.getAttribute('action') ?? '';
      options.accept ||= accept;
      input.accept ||= options.accept;
      if (!input.multiple) options.maxFiles = 1;
      if (options.method !== 'raw' && !this.hasAttribute('field')) options.field = name || options.field;
      // Looked for once, for a form may hold thousands of rows; read each time, for log-ins change it.
      const field = /** @type {any} */ (
        this.form?.querySelector('[name=csrfmiddlewaretoken], [name=csrf_token]') ??
          document.querySelector('meta[name=csrf-token]')
      );
      options.csrf = () => {
        const cookie = this.getAttribute('csrf-cookie');
        const token = cookie
          ? decodeURIComponent(document.cookie.match(`(?:^|; )${cookie}=([^;]*)`)?.[1] ?? '')
          : field && (field.value || field.content);
        return token ? { [this.getAttribute('csrf-header') ?? 'X-CSRFToken']: token } : {};
      };
      // From here on the form sends what the server said of the files, not the files.
      if (!this.name) this.setAttribute('name', name);
      input.removeAttribute('name');
      this.toggleAttribute('required', input.required || this.hasAttribute('required'));
      input.required = false;
      input.disabled ||= this.matches(':disabled');
      this.#draw();
      this.#hints();
      this.#listen();
      this.#validate();
      this.toggleAttribute('ready', true);
      const early = [...(input.files ?? [])]; // chosen before the script was there
      input.value = '';
      await Promise.race([this.uploader.limits(), new Promise((ok) => setTimeout(ok, 3000))]);
      this.#unfinished();
      if (early.length) setTimeout(() => this.add(early));
    }

    /** Draws around what the page wrote: its label and input stay where they are, and so does the focus. */
    #draw() {
      const { input } = this;
      /** @type {any} */ let label = [...(input.labels ?? [])].find((one) => this.contains(one));
      if (!label) {
        label = make('label', { for: input.id }, this.#t(input.multiple ? 'choose' : 'chooseOne'));
        if (!input.isConnected) this.append(input);
        input.before(label);
      }
      label.classList.add('au-button');
      input.classList.add('au-input');
      const id = input.id + '-hint';
      input.setAttribute('aria-describedby', `${input.getAttribute('aria-describedby') ?? ''} ${id}`);
      this.#hint = make('p', { class: 'au-hint', id });
      this.#status = make('div', { class: 'au-live', role: 'status' });
      this.#alert = make('div', { class: 'au-live', role: 'alert' });
      this.#list = make('ul', { class: 'au-list', 'aria-label': this.#t('list'), hidden: true });
      this.#sum = make(
        'div',
        { class: 'au-total', hidden: true },
        make('progress', { max: 1, value: 0, 'aria-label': this.#t('list') }),
        make('span', { class: 'au-status' }),
        make('button', { type: 'button', class: 'au-text', onclick: () => this.#toggleAll() }),
        make('button', { type: 'button', class: 'au-text', onclick: () => this.cancel() }, this.#t('cancel', { file: this.#t('all') })),
      );
      this.prepend(make('span', { class: 'au-icon' }, icon('upload')));
      this.append(this.#hint, this.#sum, this.#list, this.#status, this.#alert);
      if (this.hasAttribute('directory')) {
        const folder = make('input', { type: 'file', webkitdirectory: true, class: 'au-input', disabled: input.disabled });
        this.#hint.before(make('label', { class: 'au-button au-second' }, this.#t('chooseFolder'), folder));
      }
    }

    /** What may be uploaded, so that no page needs to say it: by the server's limits and the page's own. */
    #hints() {
      const { input, uploader } = this;
      const { maxSize, maxFiles: count, allowed } = uploader;
      input.accept ||= allowed.allow?.join() ?? '';
      this.#hint.textContent = [
        this.#t('drop'),
        maxSize && this.#t('limit', { max: this.#size(maxSize) }),
        count > 1 && this.#t('limitCount', { count }),
        input.accept && this.#t('limitTypes', { allowed: input.accept.replace(/, */g, ', ') }),
      ]
        .filter(Boolean)
        .join(' ');
    }

    #listen() {
      /** What the element itself does at an event of the engine. @type {Record<string, (detail: any) => void>} */
      const does = {
        added: ({ added, refused }) => this.#added(added, refused),
        limits: () => this.#hints(),
        progress: () => this.#soon(),
        state: (item) => {
          if (item.state === 'cancelled') this.#drop(item);
          else this.#paint(item);
          if (item.state === 'waiting' && item.seconds === Infinity) this.#say('offline');
          this.#soon();
          this.#settle();
        },
        success: () => this.#value(),
        cancel: () => this.#value(),
        error: (item) => (this.#alert.textContent = `${item.name}: ${this.#why(item)}`),
        complete: (items) => this.#complete(items),
      };
      this.uploader.addEventListener('any', (event) => {
        const { type, detail } = /** @type {CustomEvent} */ (event).detail;
        does[type]?.(detail);
        const copy = new CustomEvent('upload-' + type, { detail, bubbles: true, cancelable: true });
        if (!this.dispatchEvent(copy)) event.preventDefault();
      });
      this.addEventListener('change', (event) => {
        const input = /** @type {HTMLInputElement} */ (event.target);
        if (input.type !== 'file') return;
        this.add(input.files ?? []);
        input.value = '';
      });
      for (const type of DRAG) this.addEventListener(type, (event) => this.#drag(event));
    }

    /** @param {DragEvent} event */
    #drag(event) {
      if (!hasFiles(event) || this.input.matches(':disabled')) return;
      const inside = event.type !== 'drop' && (event.type !== 'dragleave' || this.contains(/** @type {Node} */ (event.relatedTarget)));
      this.toggleAttribute('dragover', inside);
      event.preventDefault();
      event.dataTransfer.dropEffect = 'copy';
      if (event.type === 'drop') dropped(event.dataTransfer).then((files) => this.add(files));
    }

    /** Anywhere in the page but in a text field; with several elements, the one that has the focus or the first. @param {ClipboardEvent} event */
    #paste(event) {
      const files = event.clipboardData?.files;
      const target = /** @type {HTMLElement} */ (event.target);
      const own = target.closest?.('ajax-upload');
      if (!files?.length || !this.input || this.input.matches(':disabled') || event.defaultPrevented) return;
      if (own ? own !== this : target.closest?.('input, textarea, [contenteditable]')) return;
      event.preventDefault();
      this.add(files);
    }

    /** Aloud, when the screen reader has a moment. @param {keyof UploadStrings} key @param {Dict} [values] */
    #say(key, values) {
      this.#status.textContent = this.#t(key, values);
    }

    /** @param {Item[]} added @param {UploadReject[]} refused */
    #added(added, refused) {
      for (const item of added) {
        for (const [key, row] of this.#rows)
          if (row.dataset.state === 'unfinished' && key.name === item.name && key.size === item.size) this.#drop(key);
        const row = this.#row(item, item.path || item.name, () => this.cancel(item), () => this.#toggle(item));
        this.#paint(item);
        thumbnail(item.file, row.firstChild);
      }
      let message = '';
      for (const one of refused) {
        const { code, values } = one;
        const { name: file } = one.file;
        const [max, min] = [values.max, values.min].map((n) => n && this.#size(n));
        message = this.#t(code, { ...values, file, max, min });
        this.#mark(this.#row(one, file, () => this.#drop(one)), 'refused', this.#t('refused', { message }), 'remove', file);
      }
      this.#alert.textContent = refused.length > 1 ? this.#t('manyRefused', { count: refused.length, message }) : message;
      if (added.length) this.#say('added', { count: added.length, file: added[0].name });
      this.#soon();
      this.#settle();
    }

    /** @param {object} key @param {string} name @param {() => void} ondrop @param {() => void} [onact] @returns {any} */
    #row(key, name, ondrop, onact) {
      const id = 'au-' + newKey();
      const row = make(
        'li',
        { class: 'au-item' },
        make('span', { class: 'au-thumb', 'aria-hidden': 'true' }, /\.(\w{1,4})$/.exec(name)?.[1] ?? ''),
        make(
          'span',
          { class: 'au-main' },
          make('bdi', { class: 'au-name', id }, name),
          make('progress', { max: 1, value: 0, 'aria-labelledby': id }),
          make('span', { class: 'au-status' }),
        ),
        make('button', { type: 'button', hidden: true, onclick: onact }),
        make('button', { type: 'button', onclick: ondrop }),
      );
      this.#rows.set(key, row);
      this.#list.append(row);
      this.#list.hidden = false;
      return row;
    }

    /** @param {any} row @param {string} state @param {string} text @param {'cancel' | 'remove' | 'discard'} drop what its last button does @param {string} file */
    #mark(row, state, text, drop, file) {
      const [, bar, status] = row.children[1].children;
      row.dataset.state = state;
      bar.hidden = /done|failed|refused|unfinished/.test(state);
      if (status.textContent !== text) status.textContent = text;
      this.#label(row.lastChild, drop, file);
    }

    /** @param {HTMLElement} button @param {keyof UploadStrings} action @param {string} file */
    #label(button, action, file) {
      if (button.dataset.action === action) return;
      button.dataset.action = action;
      button.title = this.#t(action, { file });
      button.setAttribute('aria-label', button.title);
      button.replaceChildren(icon(action));
    }

    /** What the first button of a row does now; '' for nothing. @param {Item} item */
    #action({ state, _wanted, final }) {
      if (state === 'queued' && !_wanted) return 'start';
      return state === 'failed' && !final ? 'retry' : state === 'paused' ? 'resume' : /done|failed/.test(state) ? '' : 'pause';
    }

    /** @param {Item} item */
    #toggle(item) {
      if (this.#action(item) === 'pause') this.pause(item);
      else this.resume(item);
    }

    #toggleAll() {
      const { items, active } = this.uploader;
      if (items.some((item) => this.#action(item) === 'start')) this.start();
      else if (active.length) this.pause();
      else for (const item of items) if (item.state === 'paused') this.resume(item);
    }

    /** @param {Item} item */
    #paint(item) {
      const row = this.#rows.get(item);
      if (!row) return;
      const { state, name: file, loaded, size, seconds } = item;
      const lang = this.#lang;
      const text = this.#t(
        /** @type {keyof UploadStrings} */ (state !== 'waiting' ? state : seconds === Infinity ? 'offline' : 'retrying'),
        {
          percent: percent(loaded, size, lang),
          loaded: this.#size(loaded),
          size: this.#size(size),
          time: seconds < Infinity && duration(seconds, lang),
          message: state === 'failed' && this.#why(item),
        },
      );
      const speed = state === 'sending' && this.uploader.batch.length < 2 ? this.#speed() : '';
      const [, bar] = row.children[1].children;
      const act = row.children[2];
      this.#keep(row, () => {
        this.#mark(row, state, speed ? `${text}, ${speed}` : text, /done|failed/.test(state) ? 'remove' : 'cancel', file);
        if (state === 'processing') bar.removeAttribute('value');
        else bar.value = size ? loaded / size : 0;
        const action = this.#action(item);
        act.hidden = !action;
        if (action) this.#label(act, action, file);
      });
    }

    /** "2.1 MB/s, 14 sec left", or '' while it is too early to tell. */
    #speed() {
      const { rate, total, loaded, items } = this.uploader;
      if (rate < 1 || !items.some((item) => item.state === 'sending')) return '';
      const lang = this.#lang;
      return this.#t('rate', { speed: this.#size(rate), time: duration((total - loaded) / rate, lang) });
    }

    /** The line for all files, and what is said of them aloud. */
    #totals() {
      const { uploader } = this;
      const { batch, total, loaded, items, active } = uploader;
      const lang = this.#lang;
      const idle = items.some((item) => this.#action(item) === 'start');
      const [bar, text, button] = this.#sum.children;
      this.#keep(this.#sum, () => (this.#sum.hidden = batch.length < 2 && !idle));
      bar.value = total ? loaded / total : 0;
      const done = batch.filter((item) => item.state === 'done').length;
      const share = percent(loaded, total, lang);
      const speed = this.#speed();
      text.textContent =
        this.#t('progress', { done, count: batch.length, percent: share }) + (speed && `, ${speed}`);
      button.textContent = this.#t(idle ? 'start' : active.length ? 'pause' : 'resume', { file: this.#t('all') });
      // Aloud: each quarter once, and never more often than every four seconds.
      const quarter = total ? Math.floor((loaded / total) * 4) : 0;
      const now = performance.now();
      if (quarter > this.#quarter && quarter < 4 && now - this.#spoke > 4000) {
        this.#spoke = now;
        this.#quarter = quarter;
        this.#say('sending', { percent: share, loaded: this.#size(loaded), size: this.#size(total) });
      }
      if (!active.length) this.#quarter = 0;
    }

    /** @param {Item[]} items */
    #complete(items) {
      const failed = items.filter((item) => item.state === 'failed').length;
      const { length: count } = items;
      if (count) this.#say(failed ? 'someFailed' : 'allDone', { failed, count, file: items[0].name });
      this.#totals();
    }

    /** Drawing that depends on all files: once a frame, for a folder may have thousands. */
    #soon() {
      if (this.#frame) return;
      this.#frame = requestAnimationFrame(() => {
        this.#frame = 0;
        for (const item of this.files) if (item.state === 'sending') this.#paint(item);
        this.#totals();
      });
    }

    /** Whether the form may be sent: at once, but once after many changes. */
    #settle() {
      if (this.#pending) return;
      this.#pending = true;
      queueMicrotask(() => {
        this.#pending = false;
        this.#validate();
      });
    }

    /** Uploads that a reload cut off. */
    #unfinished() {
      for (const one of this.uploader.unfinished()) {
        const { name, loaded, size } = one;
        const ondrop = () => {
          this.uploader.discard(one);
          this.#drop(one);
        };
        const values = { file: name, percent: percent(loaded, size, this.#lang) };
        this.#mark(this.#row(one, name, ondrop), 'unfinished', this.#t('unfinished', values), 'discard', name);
        this.#say('unfinished', values);
      }
    }

    /** Takes away the rows of files that were never added. */
    #tidy() {
      for (const [key, row] of this.#rows) if (row.dataset.state === 'refused') this.#drop(key);
    }

    /** @param {object} key */
    #drop(key) {
      const row = this.#rows.get(key);
      if (!row) return;
      this.#rows.delete(key);
      this.#keep(row, () => {
        row.remove();
        this.#list.hidden = !this.#rows.size;
      });
    }

    /**
     * Makes a change that may hide or remove what has the focus, and puts the focus on the nearest thing that is left.
     * @param {HTMLElement} around @param {() => void} change
     */
    #keep(around, change) {
      const had = /** @type {HTMLElement | null} */ (document.activeElement);
      const mine = had && around.contains(had);
      const near = [around, around.nextElementSibling, around.previousElementSibling];
      change();
      if (!mine || (had.isConnected && !had.closest('[hidden]'))) return;
      const button = near.map((node) => node?.isConnected && node.querySelector('button:not([hidden], [hidden] *)')).find(Boolean);
      /** @type {HTMLElement} */ (button || this.input).focus();
    }

    /** What the form sends: what the server called the stored files. */
    #value() {
      const data = new FormData();
      for (const { state, response, name } of this.files)
        if (state === 'done') data.append(this.name, response?.token ?? response?.id ?? response?.filename ?? name);
      this.#internals.setFormValue(this.name ? data : null);
    }

    /** Whether the form may be sent. */
    #validate() {
      const items = this.files;
      const failed = items.find((item) => item.state === 'failed');
      const [flag, text] = items.some(({ state }) => !/done|failed/.test(state))
        ? ['customError', this.#t('busy')]
        : failed
          ? ['customError', this.#t('unsent', { file: failed.name })]
          : this.hasAttribute('required') && !items.length
            ? ['valueMissing', this.#t('required')]
            : [];
      this.#internals.setValidity(flag ? { [flag]: true } : {}, text, this.input);
    }
  }

  /* --------------------------------------------------------------------- 3. the old interface on the same engine */

  /** The one place that parses HTML: a template that the page itself wrote. @param {any} template @returns {any} */
  const parse = (template) => {
    if (typeof template !== 'string') return template?.cloneNode(true);
    const holder = document.createElement('template');
    try {
      // eslint-disable-next-line no-restricted-syntax -- the option is HTML by contract
      holder.innerHTML = template.trim();
    } catch {
      // Trusted Types refuse strings, as the console says; elements would do. Until then: the default.
    }
    return holder.content.firstElementChild;
  };

  /** Nested params as the old script put them into the query: a[b]. @param {Dict} values @returns {[string, any][]} */
  const flat = (values, prefix = '') =>
    Object.entries(values).flatMap(([key, value]) => {
      const name = prefix ? `${prefix}[${key}]` : key;
      if (typeof value === 'function') value = value();
      return Object(value) === value ? flat(value, name) : [[name, value]];
    });

  const CLASSES = {
    button: 'qq-upload-button',
    drop: 'qq-upload-drop-area',
    dropActive: 'qq-upload-drop-area-active',
    list: 'qq-upload-list',
    file: 'qq-upload-file',
    spinner: 'qq-upload-spinner',
    size: 'qq-upload-size',
    cancel: 'qq-upload-cancel',
    success: 'qq-upload-success',
    fail: 'qq-upload-fail',
  };

  /** Sends and reports; draws nothing but the button's input. */
  class FileUploaderBasic {
    _uploader = new Uploader({ allowEmpty: false });

    /** @param {Partial<QqOptions>} given */
    constructor(given) {
      const texts = AjaxUpload.strings;
      /** @type {QqOptions} */
      const options = (this._options = {
        action: '/server/upload',
        params: {},
        button: null,
        multiple: true,
        maxConnections: 3,
        allowedExtensions: [],
        sizeLimit: 0,
        minSizeLimit: 0,
        filesLimit: 0,
        debug: false,
        onSubmit() {},
        onProgress() {},
        onComplete() {},
        onAllComplete() {},
        onCancel() {},
        showMessage: (/** @type {string} */ text) => alert(text),
        ...given,
        classes: { ...CLASSES, ...given?.classes },
        messages: {
          ...texts,
          filesLimitError: given?.filesLimit === 1 ? texts.countError_one : texts.countError,
          onLeave: texts.busy,
          ...given?.messages,
        },
      });
      Object.assign(this._uploader.options, {
        endpoint: options.action,
        resumable: options.resumable,
        concurrency: options.maxConnections,
        accept: options.allowedExtensions.map((extension) => '.' + extension).join(),
        maxSize: options.sizeLimit,
        minSize: options.minSizeLimit,
        maxFiles: options.filesLimit,
      });
      this.setParams(options.params);
      /** @type {{file: File, response: Dict}[]} */ const completed = [];
      this._uploader.addEventListener('any', (event) => {
        const { type, detail } = /** @type {CustomEvent} */ (event).detail;
        const { id, name, file, loaded, size, state, code, error, status, response } = detail;
        if (type === 'add') {
          if (options.onSubmit(id, name) === false) event.preventDefault();
          else this._onSubmit(id, name);
        } else if (type === 'progress') this._tell('onProgress', id, name, loaded, size);
        else if (type === 'cancel') this._tell('onCancel', id, name);
        else if (type === 'complete') options.onAllComplete(completed);
        else if (type === 'success' || type === 'error') {
          const reason = error || fill(/** @type {Dict} */ (texts)[code] ?? '', { status });
          const answer = { ...(state === 'failed' && { success: false, error: reason }), ...response };
          if (options.debug) console.log('[uploader]', answer);
          completed.push({ file, response: answer });
          this._tell('onProgress', id, name, size, size);
          this._tell('onComplete', id, name, answer);
        }
      });
      addEventListener('beforeunload', (event) => {
        if (this.getInProgress()) event.returnValue = options.messages.onLeave;
      });
      if (options.button) this._createUploadButton(options.button);
    }

    /** First what this class does, or a page's own subclass, then the page. @param {'onProgress' | 'onCancel' | 'onComplete'} what @param {...any} values */
    _tell(what, ...values) {
      /** @type {Dict} */ (this)['_' + what](...values);
      /** @type {Dict} */ (this._options)[what](...values);
    }
    /** @param {number} _id @param {string} _name */
    _onSubmit(_id, _name) {}
    /** @param {number} _id @param {string} _name @param {number} _loaded @param {number} _total */
    _onProgress(_id, _name, _loaded, _total) {}
    /** @param {number} _id */
    _onCancel(_id) {}
    /** @param {number} _id @param {string} _name @param {Dict} response */
    _onComplete(_id, _name, response) {
      if (response.error) this._options.showMessage(response.error);
    }

    /** The three csrf_* go into a header, never into the URL. @param {Dict} params */
    setParams(params) {
      const { csrf_token: token, csrf_name, csrf_xname: header, ...rest } = (this._options.params = params ?? {});
      this._uploader.options.params = Object.fromEntries(flat(rest));
      this._uploader.options.headers = token && header ? { [header]: token } : {};
    }
    getInProgress() {
      return this._uploader.active.length;
    }
    /** @param {number} id */
    cancel(id) {
      const item = this._uploader.items.find((one) => one.id === id);
      if (item) this._uploader.cancel(item);
    }
    cancelAll() {
      this._uploader.cancel();
    }

    /** As the old script did: one fault refuses the whole choice, with one message. @param {File[]} files */
    _uploadFileList(files) {
      const { allowedExtensions, sizeLimit, minSizeLimit, filesLimit, messages, showMessage } = this._options;
      for (const [ahead, file] of files.entries()) {
        const code = this._uploader.check(file, ahead)?.[0];
        if (!code) continue;
        const allowed = allowedExtensions.join(', ');
        const [max, min] = [sizeLimit, minSizeLimit].map(this._formatSize);
        const text = messages[code === 'countError' ? 'filesLimitError' : code];
        const values = { file: this._formatFileName(file.name), allowed, max, min, count: filesLimit };
        // The old script's placeholders, and ours.
        return showMessage(fill(text, { ...values, extensions: allowed, sizeLimit: max, minSizeLimit: min, filesLimit }));
      }
      this._uploader.add(files);
    }

    /** @param {string} name */
    _formatFileName(name) {
      return name.length > 33 ? `${name.slice(0, 19)}…${name.slice(-13)}` : name;
    }
    /** @param {number} n */
    _formatSize(n) {
      return bytes(n, undefined, AjaxUpload.strings.units);
    }

    /** Makes `button` choose files, by mouse and keyboard. @param {HTMLElement} button */
    _createUploadButton(button) {
      const input = make('input', { type: 'file', name: 'file', multiple: this._options.multiple, hidden: true });
      input.onchange = () => {
        const files = [...input.files];
        input.value = '';
        this._uploadFileList(files);
      };
      if (button.tabIndex < 0) {
        button.setAttribute('role', 'button');
        button.tabIndex = 0;
        button.addEventListener('keydown', (event) => {
          if (!/^(Enter| )$/.test(event.key)) return;
          event.preventDefault();
          input.click();
        });
      }
      button.append(input);
      button.addEventListener('click', (event) => event.target !== input && input.click());
      for (const [type, state] of Object.entries({ mouseover: 'hover', mouseout: 'hover', focus: 'focus', blur: 'focus' }))
        button.addEventListener(type, () => button.classList.toggle('qq-upload-button-' + state, !/out|blur/.test(type)));
    }
  }

  /** With the button, the list and the drop area of the old script, under its class names. */
  class FileUploader extends FileUploaderBasic {
    /** @param {Partial<QqOptions>} given */
    constructor(given) {
      super(given);
      const { element, template, listElement, classes } = this._options;
      const { qqDrop, qqButton } = AjaxUpload.strings;
      if (!element) throw new Error('qq: no element');
      element.replaceChildren(
        parse(template) ??
          make(
            'div',
            { class: 'qq-uploader' },
            make('div', { class: classes.drop }, make('span', {}, qqDrop)),
            make('div', { class: classes.button }, qqButton),
            make('ul', { class: classes.list }),
          ),
      );
      /** @type {HTMLElement} */ this._listElement = listElement ?? this._find(element, 'list');
      this._createUploadButton(this._find(element, 'button'));
      this._setupDragDrop(this._find(element, 'drop'));
    }

    /** @param {Element} parent @param {keyof typeof CLASSES} type @returns {any} */
    _find(parent, type) {
      const name = this._options.classes[type];
      const [found] = parent.getElementsByClassName(name);
      if (!found) throw new Error(`qq: no element .${name}`);
      return found;
    }

    /** The area shows while files are dragged over the page; beside it, a drop does nothing. @param {HTMLElement} area */
    _setupDragDrop(area) {
      area.hidden = true;
      for (const kind of DRAG)
        document.addEventListener(kind, (event) => {
          if (!hasFiles(event) || event.defaultPrevented) return;
          const { type, dataTransfer, relatedTarget, target } = event;
          event.preventDefault();
          const inside = area.contains(/** @type {Node} */ (target));
          area.hidden = type === 'drop' || (type === 'dragleave' && !relatedTarget);
          area.classList.toggle(this._options.classes.dropActive, inside && !area.hidden);
          dataTransfer.dropEffect = inside ? 'copy' : 'none';
          if (inside && type === 'drop')
            dropped(dataTransfer).then((files) => {
              if (this._options.multiple || files.length < 2) this._uploadFileList(files);
              else this._options.showMessage(AjaxUpload.strings.countError_one);
            });
        });
    }

    /** @param {number} id @param {string} name */
    _onSubmit(id, name) {
      const { classes, fileTemplate } = this._options;
      const { qqCancel, qqFailed, cancel } = AjaxUpload.strings;
      const item =
        parse(fileTemplate) ??
        make(
          'li',
          {},
          make('span', { class: classes.file }),
          make('span', { class: classes.spinner }),
          make('span', { class: classes.size }),
          make('a', { class: classes.cancel, href: '#' }, qqCancel),
          make('span', { class: 'qq-upload-failed-text', hidden: true }, qqFailed),
        );
      item.qqFileId = id;
      this._find(item, 'file').textContent = this._formatFileName(name);
      this._find(item, 'size').hidden = true;
      const link = this._find(item, 'cancel');
      link.setAttribute('aria-label', fill(cancel, { file: name }));
      link.onclick = (/** @type {Event} */ event) => {
        event.preventDefault();
        this.cancel(id);
      };
      this._listElement.append(item);
    }

    /** @param {number} id @returns {any} */
    _getItemByFileId(id) {
      return [...this._listElement.children].find((item) => /** @type {any} */ (item).qqFileId === id);
    }

    /** @param {number} id @param {string} _name @param {number} loaded @param {number} total */
    _onProgress(id, _name, loaded, total) {
      const text = this._find(this._getItemByFileId(id), 'size');
      const [sent, size] = [loaded, total].map(this._formatSize);
      const values = { percent: percent(loaded, total), loaded: sent, size };
      text.hidden = false;
      text.textContent = loaded < total ? fill(AjaxUpload.strings.sending, values) : size;
    }

    /** @param {number} id @param {string} name @param {Dict} response */
    _onComplete(id, name, response) {
      const item = this._getItemByFileId(id);
      const { success, fail } = this._options.classes;
      this._find(item, 'cancel').remove();
      this._find(item, 'spinner').remove();
      item.classList.add(response.success ? success : fail);
      for (const text of item.getElementsByClassName('qq-upload-failed-text')) text.hidden = response.success;
      super._onComplete(id, name, response); // last: its message may be an alert, which stops everything
    }

    /** @param {number} id */
    _onCancel(id) {
      this._getItemByFileId(id)?.remove();
    }
  }

  const shared = /** @type {Dict} */ (globalThis);
  shared.AjaxUpload ??= AjaxUpload;
  shared.qq = { ...shared.qq, FileUploader, FileUploaderBasic };
  // Without form-associated elements (Safari before 16.4) the plain form stays as it is, and works.
  if (shared.ElementInternals?.prototype.setFormValue && shared.AjaxUpload === AjaxUpload)
    customElements.define('ajax-upload', AjaxUpload);
})();
