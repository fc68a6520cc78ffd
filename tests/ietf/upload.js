// tus-js-client in the protocol of the IETF's drafts: uploads a file, and prints what its callbacks were told as JSON.
//   node upload.js ENDPOINT PROTOCOL FILE CHUNK_SIZE STOP_AT
// At STOP_AT bytes (0: never) it is aborted, and another client that knows the URL alone resumes.
const fs = require("fs");
const tus = require("tus-js-client");

const [endpoint, protocol, path, chunkSize, stopAt] = process.argv.slice(2);

const told = { offsets: [], statuses: [], previous: 0 };

function upload(more, stop) {
  const client = new tus.Upload(fs.createReadStream(path), {
    endpoint,
    protocol,
    chunkSize: Number(chunkSize),
    uploadSize: fs.statSync(path).size,
    retryDelays: [100, 200],
    metadata: { filename: "von Node.bin", filetype: "application/x-made-up" },
    onAfterResponse: (request, response) => { told.statuses.push([request.getMethod(), response.getStatus()]); },
    onChunkComplete: (_size, accepted) => {
      told.offsets.push(accepted);
      if (stop && accepted >= stop) client.abort().then(() => upload({ uploadUrl: client.url }, 0));
    },
    onSuccess: (payload) => {
      console.log(JSON.stringify({ ...told, answer: payload.lastResponse.getBody() }));
    },
    onError: (error) => {
      console.error(String(error));
      process.exit(1);
    },
    ...more,
  });
  client.start();
}

upload({}, Number(stopAt));
