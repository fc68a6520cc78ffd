/* node node.mjs JOB: one upload of the file that the job names; prints how it went, as JSON. */

import { createReadStream } from 'node:fs'
import { PassThrough } from 'node:stream'
import * as tus from 'tus-js-client'
import { run } from './run.mjs'

const job = JSON.parse(process.argv[2])
// Of a file the client finds out the length; of any other stream it cannot.
const file = createReadStream(job.file)
const source = job.deferred ? file.pipe(new PassThrough()) : file
try {
  console.log(JSON.stringify(await run(tus, job, source)))
} catch (error) {
  console.error(String(error))
  process.exitCode = 1
}
