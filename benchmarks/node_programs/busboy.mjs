// busboy, as its README has it: each file of a form is piped into a file of the folder.
//
//     node busboy.mjs PORT FOLDER
import { createWriteStream } from "node:fs";
import { createServer } from "node:http";
import { basename, join } from "node:path";
import { finished } from "node:stream/promises";
import busboy from "busboy";

const [port, folder] = process.argv.slice(2);

createServer((request, response) => {
  const form = busboy({ headers: request.headers, limits: { files: Infinity, parts: Infinity } });
  const written = [];
  form.on("file", (_field, file, { filename }) => {
    written.push(finished(file.pipe(createWriteStream(join(folder, basename(filename))))));
  });
  form.on("error", () => response.writeHead(500).end());
  form.on("close", async () => {
    await Promise.all(written);
    response.writeHead(201, { "Content-Length": 0 }).end();
  });
  request.pipe(form);
}).listen(Number(port), "127.0.0.1");
