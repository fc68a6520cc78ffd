/*
 * A server for the engine's tests: plain POST and tus 1.0.0 in memory, and a list of faults, one for each request that
 * carries data. What lives here: answers and faults; no expectation of what the engine does with them.
 */
import { createServer } from 'node:http';

/** @returns {Promise<{url: string, stored: Buffer[], log: object[], faults: (string|number|object)[], limits: object, close: () => Promise<void>}>} */
export async function serve({ limits = {}, maxBody = Infinity } = {}) {
  const state = { limits, maxBody, stored: [], log: [], faults: [], uploads: new Map(), answers: new Map() };
  const server = createServer((request, response) => handle(state, request, response).catch(() => request.socket?.destroy()));
  await new Promise((ok) => server.listen(0, '127.0.0.1', ok));
  state.url = `http://127.0.0.1:${server.address().port}`;
  state.close = () =>
    new Promise((ok) => {
      server.close(ok);
      server.closeAllConnections();
    });
  return state;
}

/** Reads a body into `sink`; 'cut N' breaks the connection after N bytes. */
async function drain(request, sink, cut = Infinity) {
  let got = 0;
  for await (const block of request) {
    sink.push(block);
    got += block.length;
    if (got >= cut) {
      request.socket?.resetAndDestroy();
      throw new Error('cut');
    }
  }
  return Buffer.concat(sink);
}

async function handle(state, request, response) {
  const { pathname, searchParams } = new URL(request.url, 'http://x');
  const entry = { method: request.method, path: pathname, query: Object.fromEntries(searchParams), headers: request.headers };
  state.log.push(entry);
  const size = Number(request.headers['content-length'] ?? 0);
  const answer = (status, json, headers = {}) => {
    entry.status = status;
    response.writeHead(status, { ...(json && { 'Content-Type': 'application/json' }), ...headers });
    response.end(json ? JSON.stringify(json) : undefined);
  };
  if (request.method === 'GET') return answer(200, state.limits);
  const fault = size ? (state.faults.shift() ?? '') : '';
  const sink = [];
  if (typeof fault === 'number' || fault.status) {
    await drain(request, sink);
    return answer(fault.status ?? fault, fault.json, fault.headers);
  }
  if (size > state.maxBody) {
    await drain(request, sink);
    return answer(413, null, { 'Content-Type': 'text/html' });
  }
  const route = pathname.startsWith('/files') ? tus : post;
  return route(state, request, { fault, sink, answer, pathname });
}

const cutOf = (fault) => (/^cut/.test(fault) ? Number(fault.slice(4)) : Infinity);

async function post(state, request, { fault, sink, answer }) {
  const body = await drain(request, sink, cutOf(fault));
  const key = request.headers['idempotency-key'];
  if (!state.answers.has(key)) {
    state.stored.push(body);
    state.answers.set(key, { success: true, id: `id${state.stored.length}` });
  }
  if (fault === 'lose') throw new Error('the answer is lost');
  return answer(200, state.answers.get(key));
}

async function tus(state, request, { fault, sink, answer, pathname }) {
  const tusHeader = { 'Tus-Resumable': '1.0.0' };
  if (state.limits.resumable === undefined && pathname === '/files/') return answer(404);
  if (request.method === 'POST') {
    const id = `u${state.uploads.size}`;
    state.uploads.set(id, { size: Number(request.headers['upload-length']), blocks: [], done: null });
    return answer(201, null, { ...tusHeader, Location: `/files/${id}` });
  }
  const upload = state.uploads.get(pathname.slice('/files/'.length));
  if (!upload) return answer(404, null, tusHeader);
  const offset = () => upload.blocks.reduce((sum, block) => sum + block.length, 0);
  const at = () => ({ ...tusHeader, 'Upload-Offset': String(offset()) });
  if (request.method === 'DELETE') {
    state.uploads.delete(pathname.slice('/files/'.length));
    return answer(204);
  }
  if (request.method === 'HEAD') return answer(200, null, at());
  if (Number(request.headers['upload-offset']) !== offset()) {
    await drain(request, sink);
    return answer(409, null, at());
  }
  await drain(request, upload.blocks, cutOf(fault));
  if (offset() === upload.size && !upload.done) {
    state.stored.push(Buffer.concat(upload.blocks));
    upload.done = { success: true, id: `id${state.stored.length}` };
  }
  if (fault === 'lose') throw new Error('the answer is lost');
  return upload.done ? answer(200, upload.done, at()) : answer(204, null, at());
}
