/* Uppy with its tus plugin, for a page: one upload, as a person with a dashboard would make it. */

import Uppy from '@uppy/core'
import Tus from '@uppy/tus'

/** job as in run.mjs: {url, chunk, parallel, stop, headers, name}. */
window.uppy = async function (job, source) {
  const uppy = new Uppy()
  const said = { resumed: false }
  uppy.use(Tus, {
    endpoint: job.url,
    headers: job.headers || {},
    retryDelays: [0, 200, 1000],
    ...(job.chunk ? { chunkSize: job.chunk } : {}),
    ...(job.parallel ? { parallelUploads: job.parallel } : {})
  })
  const id = uppy.addFile({ name: job.name, type: 'application/octet-stream', data: source })
  uppy.on('upload-progress', (file, progress) => {
    if (!job.stop || said.resumed || progress.bytesUploaded < job.stop) return
    said.resumed = true
    uppy.pauseResume(id)
    setTimeout(() => uppy.pauseResume(id), 100)
  })
  const { successful, failed } = await uppy.upload()
  return { ...said, successful: successful.length, failed: failed.map((file) => file.error), url: successful[0]?.uploadURL }
}
