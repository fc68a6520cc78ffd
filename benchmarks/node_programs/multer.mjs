// multer with its disk storage in an Express application, as its README has it.
//
//     node multer.mjs PORT FOLDER
import express from "express";
import multer from "multer";

const [port, folder] = process.argv.slice(2);
const upload = multer({ dest: folder, limits: { files: Infinity, parts: Infinity } });

express()
  .post("/form", upload.array("file"), (_request, response) => response.status(201).end())
  .listen(Number(port), "127.0.0.1");
