/* One upload with tus-js-client, in Node.js or in a browser: run.mjs is told how by a job, and says how it went. */

/** job: {url, chunk, deferred, parallel, first, override, stop, headers, name}; sizes and places are bytes. */
export function run (tus, job, source) {
  const said = { requests: [], resumed: false }
  const options = {
    endpoint: job.url,
    chunkSize: job.chunk || Infinity,
    uploadLengthDeferred: Boolean(job.deferred),
    parallelUploads: job.parallel || 1,
    uploadDataDuringCreation: Boolean(job.first),
    overridePatchMethod: Boolean(job.override),
    storeFingerprintForResuming: false,
    retryDelays: [0, 200, 1000],
    metadata: { filename: job.name, filetype: 'application/octet-stream', empty: '' },
    headers: job.headers || {},
    onAfterResponse (request, response) {
      said.requests.push([request.getMethod(), response.getStatus()])
    }
  }
  return new Promise((resolve, reject) => {
    const begin = (more, stop) => {
      const upload = new tus.Upload(source, {
        ...options,
        ...more,
        onError: reject,
        onSuccess () { resolve({ ...said, url: upload.url }) },
        onProgress (sent) {
          if (!stop || sent < stop || !upload.url) return
          const url = upload.url
          stop = 0
          said.resumed = true
          // Another upload object, as after a crash of the page: all that it knows is the URL.
          upload.abort().then(() => begin({ uploadUrl: url }, 0)).catch(reject)
        }
      })
      upload.start()
    }
    begin({}, job.stop || 0)
  })
}
