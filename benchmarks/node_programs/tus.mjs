// @tus/server with its file store, as its README has it.
//
//     node tus.mjs PORT FOLDER
import { FileStore } from "@tus/file-store";
import { Server } from "@tus/server";

const [port, folder] = process.argv.slice(2);

new Server({ path: "/files", datastore: new FileStore({ directory: folder }) }).listen(Number(port), "127.0.0.1");
