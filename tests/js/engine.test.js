/*
 * The engine without a browser: queue, checks, retries, tus and plain POST, over real HTTP to a server in this process.
 * What lives here: facts about AjaxUpload.Uploader. What a person sees is tested in a real browser (tests/browser).
 */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, test } from 'node:test';
import { serve } from './server.js';
import { install } from './xhr.js';

const online = install();
await import(process.env.AJAXUPLOAD_WIDGET ?? '../../src/ajaxupload/static/ajaxupload/ajax-upload.js');
const { Uploader } = globalThis.AjaxUpload;

let server;
let made = [];
// Waiting is what these tests are about, but not for seconds: a second lasts a millisecond.
const realTimeout = globalThis.setTimeout;
globalThis.setTimeout = (does, ms, ...rest) => realTimeout(does, ms / 1000, ...rest);

beforeEach(async () => {
  server = await serve({ limits: { resumable: '/files/' } });
  globalThis.localStorage = new globalThis.localStorage.constructor();
});
afterEach(async () => {
  for (const uploader of made) uploader.cancel();
  made = [];
  online(true);
  await server.close();
});

function make(options = {}) {
  const uploader = new Uploader({ endpoint: `${server.url}/upload`, resumable: `${server.url}/files/`, chunkSize: 10_000, stall: 3000, ...options });
  made.push(uploader);
  return uploader;
}
const file = (name, content, options) => new File([content], name, options);
const once = (target, type) => new Promise((ok) => target.addEventListener(type, ({ detail }) => ok(detail), { once: true }));
const states = (uploader) => {
  const seen = [];
  uploader.addEventListener('state', ({ detail }) => seen.push(detail.state));
  return seen;
};
async function upload(uploader, ...files) {
  const end = once(uploader, 'complete');
  uploader.add(files);
  return end;
}

test('a small file is one POST with its name in the query and a key of its own', async () => {
  const [item] = await upload(make({ params: { album: 'a b' } }), file('läng 1.txt', 'hello'));
  assert.equal(item.state, 'done');
  assert.deepEqual(item.response, { success: true, id: 'id1' });
  const [post] = server.log;
  assert.deepEqual(post.query, { album: 'a b', qqfile: 'läng 1.txt' });
  assert.equal(post.headers['x-file-name'], 'l%C3%A4ng%201.txt');
  assert.match(post.headers['idempotency-key'], /^"[-\w]{20,}"$/);
});

test('a file of exactly the piece size is one POST, one byte more goes by tus', async () => {
  await upload(make(), file('a', randomBytes(10_000)), file('b', randomBytes(10_001)));
  assert.deepEqual(server.log.map(({ method, path }) => `${method} ${path}`).sort(), [
    'PATCH /files/u0',
    'PATCH /files/u0',
    'POST /files/',
    'POST /upload',
  ]);
});

test('metadata is name, type and params in Base64 of UTF-8', async () => {
  await upload(make({ params: { album: 'été' } }), file('ä.txt', randomBytes(10_001), { type: 'text/plain' }));
  const pairs = server.log[0].headers['upload-metadata'].split(',').map((pair) => pair.split(' '));
  assert.deepEqual(
    pairs.map(([key, value]) => [key, Buffer.from(value, 'base64').toString()]),
    [
      ['filename', 'ä.txt'],
      ['filetype', 'text/plain'],
      ['album', 'été'],
    ],
  );
});

test('a file goes through its states in order', async () => {
  const uploader = make();
  const seen = states(uploader);
  await upload(uploader, file('a', 'x'));
  assert.deepEqual(seen, ['queued', 'sending', 'processing', 'done']);
});

test('never more than the concurrency, and every file arrives', async () => {
  const uploader = make({ concurrency: 2 });
  let most = 0;
  const busy = () => uploader.items.filter(({ state }) => /sending|processing|waiting/.test(state)).length;
  uploader.addEventListener('state', () => (most = Math.max(most, busy())));
  await upload(uploader, ...Array.from({ length: 9 }, (_, n) => file(`${n}`, randomBytes(9000))));
  assert.equal(server.stored.length, 9);
  assert.equal(most, 2);
});

test('complete comes once, when all are done, and again for the next batch', async () => {
  const uploader = make();
  const batches = [];
  uploader.addEventListener('complete', ({ detail }) => batches.push(detail.map(({ name }) => name)));
  await upload(uploader, file('a', 'x'), file('b', 'x'));
  await upload(uploader, file('c', 'x'));
  assert.deepEqual(batches, [['a', 'b'], ['c']]);
});

for (const [title, options, allowed, name, type, size, expected] of [
  ['no limits', {}, {}, 'a.txt', '', 5, undefined],
  ['an empty file is a file', {}, {}, 'a.txt', '', 0, undefined],
  ['but not where a minimum is set', { minSize: 1 }, {}, 'a.txt', '', 0, 'emptyError'],
  ['nor for pages of the old kind', { allowEmpty: false }, {}, 'a.txt', '', 0, 'emptyError'],
  ['at the limit', { maxSize: 5 }, {}, 'a.txt', '', 5, undefined],
  ['over the page limit', { maxSize: 5 }, {}, 'a.txt', '', 6, 'sizeError'],
  ['over the server limit', { maxSize: 9 }, { max_size: 5 }, 'a.txt', '', 6, 'sizeError'],
  ['under the page limit', { minSize: 5 }, {}, 'a.txt', '', 4, 'minSizeError'],
  ['under the server limit', {}, { min_size: 5 }, 'a.txt', '', 4, 'minSizeError'],
  ['extension in any case', { accept: '.JPG, .png' }, {}, 'A.jPg', 'image/jpeg', 5, undefined],
  ['another extension', { accept: '.jpg' }, {}, 'a.jpg.exe', 'image/jpeg', 5, 'typeError'],
  ['a type by wildcard', { accept: 'image/*' }, {}, 'a', 'image/webp', 5, undefined],
  ['another type', { accept: 'image/*' }, {}, 'a', 'imagex/webp', 5, 'typeError'],
  ['a type exactly', { accept: 'application/pdf' }, {}, 'a', 'application/pdf', 5, undefined],
  ['any type', { accept: '*/*' }, {}, 'a', 'x/y', 5, undefined],
  ['a type that the browser does not know is left to the server', { accept: 'image/*' }, {}, 'a.heic', '', 5, undefined],
  ['the page allows, the server does not', { accept: 'image/*' }, { allow: ['image/png'] }, 'a', 'image/gif', 5, 'typeError'],
  ['too many', { maxFiles: 9 }, { max_files: 0 }, 'a', '', 5, undefined],
])
  test(`check: ${title}`, () => {
    const uploader = make(options);
    uploader.allowed = allowed;
    assert.equal(uploader.check(file(name, 'x'.repeat(size), { type }))?.[0], expected);
  });

test('files over the number are refused one by one, the first ones taken', () => {
  const uploader = make({ auto: false, maxFiles: 2 });
  const refused = [];
  uploader.addEventListener('reject', ({ detail }) => refused.push([detail.file.name, detail.code, detail.values.count]));
  const added = uploader.add(['a', 'b', 'c', 'd'].map((name) => file(name, 'x')));
  assert.deepEqual(added.map(({ name }) => name), ['a', 'b']);
  assert.deepEqual(refused, [['c', 'countError', 2], ['d', 'countError', 2]]);
});

test('limits are asked for once, and a server without an answer sets none', async () => {
  server.limits = { max_size: 7, resumable: '/files/' };
  const uploader = make({ resumable: undefined });
  await Promise.all([uploader.limits(), uploader.limits()]);
  assert.equal(server.log.length, 1);
  assert.equal(uploader.maxSize, 7);
  assert.equal(uploader.options.resumable, `${server.url}/files/`);
  const other = make({ endpoint: 'http://127.0.0.1:9/', resumable: undefined });
  await other.limits();
  assert.deepEqual(other.allowed, {});
});

for (const [resumable, expected] of [
  ['/files/', '/files/'],
  ['files/', '/files/'],
  ['/upload', '/upload'],
  [null, ''],
  [undefined, ''],
])
  test(`the endpoint's description names ${resumable} for tus, as seen from the endpoint and not from the page`, async () => {
    server.limits = { resumable };
    const uploader = make({ resumable: undefined });
    await uploader.limits();
    assert.equal(uploader.options.resumable, expected && server.url + expected);
  });

for (const [status, json, final] of [
  [413, { preventRetry: true }, true],
  [415, {}, true],
  [422, null, true],
  [422, { preventRetry: false }, false],
  [507, { preventRetry: true }, true],
  [403, { preventRetry: true }, true],
  [401, { preventRetry: true }, false],
  [503, { preventRetry: false }, false],
  [404, null, false],
])
  test(`a ${status} with ${JSON.stringify(json)} is ${final ? '' : 'not '}final`, async () => {
    server.faults = Array(6).fill({ status, json });
    const uploader = make();
    const [item] = await upload(uploader, file('a', 'x'));
    assert.equal(item.final, final);
    server.faults = [];
    server.log.length = 0;
    uploader.resume(); // all of them: what is final is left as it is
    if (!final) await once(uploader, 'complete');
    assert.deepEqual([item.state, server.log.length], final ? ['failed', 0] : ['done', 1]);
    if (!final) return;
    const end = once(uploader, 'complete');
    uploader.resume(item); // the page's own wish counts
    assert.equal((await end)[0].state, 'done');
  });

for (const [status, tries] of [[400, 1], [401, 1], [403, 1], [404, 1], [408, 6], [409, 6], [410, 1], [415, 1], [422, 1], [423, 6], [425, 6], [429, 6], [500, 6], [501, 1], [502, 6], [503, 6], [504, 6], [507, 6]])
  test(`a ${status} is tried ${tries} time(s)`, async () => {
    server.faults = Array(6).fill({ status, json: { error: 'because' } });
    const [item] = await upload(make(), file('a', 'x'));
    assert.equal(item.state, 'failed');
    assert.equal(item.status, status);
    assert.equal(item.error, 'because');
    assert.equal(server.log.length, tries);
    assert.equal(new Set(server.log.map(({ headers }) => headers['idempotency-key'])).size, 1);
  });

test('preventRetry ends it at once', async () => {
  server.faults = [{ status: 503, json: { preventRetry: true } }];
  const [item] = await upload(make(), file('a', 'x'));
  assert.equal(item.state, 'failed');
  assert.equal(server.log.length, 1);
});

for (const [title, value, seconds] of [
  ['seconds', '3', [3, 3]],
  ['a date', () => new Date(Date.now() + 60_000).toUTCString(), [30, 60]],
  ['nonsense', 'soon', [0, 0]],
])
  test(`Retry-After as ${title}`, async () => {
    server.faults = [{ status: 503, headers: { 'Retry-After': typeof value === 'string' ? value : value() } }];
    const uploader = make();
    const waits = [];
    uploader.addEventListener('state', ({ detail }) => detail.state === 'waiting' && waits.push(detail.seconds));
    const [item] = await upload(uploader, file('a', 'x'));
    assert.equal(item.state, 'done');
    if (seconds[1]) assert.ok(waits[0] >= seconds[0] && waits[0] <= seconds[1], `${waits}`);
    else assert.deepEqual(waits, []);
  });

test('a success:false with status 200 is a failure', async () => {
  server.faults = [{ status: 200, json: { success: false, error: 'no' } }];
  const [item] = await upload(make(), file('a', 'x'));
  assert.deepEqual([item.state, item.error], ['failed', 'no']);
});

test('progress restores the budget of tries, standing still spends it', async () => {
  const content = randomBytes(100_000);
  server.faults = Array.from({ length: 20 }, (_, n) => (n % 2 ? '' : 'cut 1'));
  const [item] = await upload(make({ retries: 1 }), file('a', content));
  assert.equal(item.state, 'done');
  assert.deepEqual(server.stored, [content]);
  server.faults = Array(3).fill(503);
  const [other] = await upload(make({ retries: 2 }), file('b', content));
  assert.equal(other.state, 'failed');
});

test('offline spends no tries, and goes on when the network is back', async () => {
  const uploader = make({ retries: 0 });
  online(false);
  const end = once(uploader, 'complete');
  const waiting = new Promise((ok) => uploader.addEventListener('state', ({ detail }) => detail.state === 'waiting' && ok(detail.seconds)));
  uploader.add([file('a', 'x')]);
  assert.equal(await waiting, Infinity);
  online(true);
  assert.equal((await end)[0].state, 'done');
});

test('a proxy that takes little gets little, and the next file starts with that', async () => {
  server.maxBody = 70_000;
  const content = randomBytes(1 << 20);
  const uploader = make({ chunkSize: 512 << 10 });
  await upload(uploader, file('a', content));
  assert.deepEqual(server.stored, [content]);
  assert.equal(uploader.options.chunkSize, 64 << 10);
  const before = server.log.filter(({ status }) => status === 413).length;
  await upload(uploader, file('b', content));
  assert.equal(server.log.filter(({ status }) => status === 413).length, before);
});

test('a proxy that takes nothing is a failure, not an endless loop', async () => {
  server.maxBody = 100;
  const [item] = await upload(make({ chunkSize: 512 << 10 }), file('a', randomBytes(1 << 20)));
  assert.deepEqual([item.state, item.code], ['failed', 'tooLarge']);
});

test('what was sent before a pause is not sent again', async () => {
  const content = randomBytes(200_000);
  const uploader = make();
  const end = once(uploader, 'complete');
  const [item] = uploader.add([file('a', content)]);
  await new Promise((ok) => uploader.addEventListener('progress', () => item.loaded > 100_000 && ok()));
  uploader.pause();
  assert.equal(item.state, 'paused');
  uploader.resume();
  assert.equal((await end)[0].state, 'done');
  assert.deepEqual(server.stored, [content]);
  const offsets = server.log.filter(({ method }) => method === 'PATCH').map(({ headers }) => Number(headers['upload-offset']));
  assert.ok(offsets.length <= 22, `${offsets}`);
  assert.deepEqual(offsets, offsets.toSorted((a, b) => a - b));
});

test('a reload resumes by what localStorage kept, and forgets it at the end', async () => {
  const content = randomBytes(100_000);
  const first = make();
  const [item] = first.add([file('a', content, { lastModified: 1 })]);
  await new Promise((ok) => first.addEventListener('progress', () => item.loaded > 50_000 && ok()));
  first.pause(); // a page that is gone sends nothing any more
  const second = make();
  const [left] = second.unfinished();
  assert.deepEqual([left.name, left.size, left.url], ['a', 100_000, `${server.url}/files/u0`]);
  assert.ok(left.loaded >= 40_000);
  await upload(second, file('a', content, { lastModified: 1 }));
  assert.deepEqual(server.stored, [content]);
  assert.equal(server.uploads.size, 1);
  assert.deepEqual(make().unfinished(), []);
});

test('the same name, size and date with other content is another file', async () => {
  const first = make();
  const [item] = first.add([file('a', randomBytes(100_000), { lastModified: 1 })]);
  await new Promise((ok) => first.addEventListener('progress', () => item.loaded > 50_000 && ok()));
  first.pause();
  const content = randomBytes(100_000);
  await upload(make(), file('a', content, { lastModified: 1 }));
  assert.deepEqual(server.stored, [content]);
});

test('the same file twice in one list is stored twice', async () => {
  const content = randomBytes(50_000);
  await upload(make(), file('a', content, { lastModified: 1 }), file('a', content, { lastModified: 1 }));
  assert.deepEqual(server.stored, [content, content]);
});

test('what is older than the server keeps is not offered again', () => {
  const base = `ajax-upload|${server.url}/files/|`;
  const entry = (until) => JSON.stringify({ until, name: 'a', size: 9, loaded: 3, url: '/files/x' });
  globalThis.localStorage.setItem(`${base}old`, entry(Date.now() - 1));
  globalThis.localStorage.setItem(`${base}new`, entry(Date.now() + 1000));
  globalThis.localStorage.setItem('ajax-upload|http://elsewhere/|x', entry(Date.now() + 1000));
  assert.deepEqual(make().unfinished().map(({ key }) => key), [`${base}new`]);
  assert.equal(Object.keys(globalThis.localStorage).length, 2);
});

test('a full or forbidden localStorage costs nothing but the resuming', async () => {
  globalThis.localStorage = new Proxy({}, { get: () => assert.fail('forbidden'), ownKeys: () => assert.fail('forbidden') });
  const content = randomBytes(50_000);
  await upload(make(), file('a', content));
  assert.deepEqual(server.stored, [content]);
  globalThis.localStorage = new (class Storage { setItem() {} removeItem() {} })();
});

test('cancel removes it, here and there, and the rest goes on', async () => {
  const uploader = make({ concurrency: 1 });
  const end = once(uploader, 'complete');
  const [first] = uploader.add([file('a', randomBytes(200_000)), file('b', 'x')]);
  await new Promise((ok) => uploader.addEventListener('progress', () => first.loaded > 50_000 && ok()));
  uploader.cancel(first);
  assert.deepEqual((await end).map(({ name, state }) => [name, state]), [['b', 'done']]);
  assert.deepEqual(uploader.items.map(({ name }) => name), ['b']);
  await new Promise((ok) => realTimeout(ok, 20));
  assert.equal(server.uploads.size, 0);
});

test('a new try by hand after an answer is a new upload, after none the same one', async () => {
  const uploader = make({ retries: 0 });
  for (const [fault, keys] of [[422, 2], ['lose', 1]]) {
    server.log.length = 0;
    server.faults = [fault];
    const [item] = await upload(uploader, file('a', 'x'));
    assert.equal(item.state, 'failed');
    const end = once(uploader, 'complete');
    uploader.resume(item);
    assert.equal((await end)[0].state, 'done');
    assert.equal(new Set(server.log.map(({ headers }) => headers['idempotency-key'])).size, keys);
  }
  assert.equal(server.stored.length, 2);
});

test('whatever goes wrong in whatever order, a file is stored once and whole, or is called failed', async () => {
  // A seeded generator: a failing schedule can be run again.
  let seed = Number(process.env.SEED ?? 1);
  const random = (n) => (seed = (seed * 16807) % 2147483647) % n;
  for (let round = 0; round < 60; round++) {
    const began = seed;
    server.stored.length = 0;
    server.faults = Array.from({ length: 25 }, () => ['', '', 'lose', `cut ${random(12_000)}`, 500, 503, 423, 404][random(8)]);
    const contents = Array.from({ length: 3 }, () => randomBytes(1 + random(60_000)));
    const items = await upload(make({ remember: random(2) > 0 }), ...contents.map((content, n) => file(`${n}`, content)));
    for (const [n, content] of contents.entries()) {
      const copies = server.stored.filter((stored) => stored.equals(content)).length;
      const { state } = items.find(({ name }) => name === String(n));
      if (state === 'done') assert.equal(copies, 1, `seed ${began}: stored ${copies} times`);
      else assert.equal(state, 'failed', `seed ${began}`);
    }
    assert.ok(server.stored.every((stored) => contents.some((content) => stored.equals(content))), `seed ${began}: a torn file`);
  }
});
