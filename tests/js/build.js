/*
 * Makes the shipped copies of the widget: the minified script, and both files under the paths of the valums script, so
 * that any server of static files serves them. `--check` makes them in memory and says which are stale.
 * What lives here: copying and minifying; the widget itself needs none of it.
 */
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { minify } from 'terser';

const root = new URL('../../src/ajaxupload/static/ajaxupload/', import.meta.url);
const read = (name) => readFileSync(new URL(name, root), 'utf8');

/** Fields of the engine that nobody outside may touch, so that their names may be short. */
const PRIVATE = /^(_(wanted|ctl|key|stored|once)|passing|sent|whole|_tell)$/;

const source = read('ajax-upload.js');
const { code } = await minify(source, {
  compress: { passes: 2, ecma: 2022, inline: 1, reduce_funcs: false },
  mangle: { properties: { regex: PRIVATE } },
  format: { ecma: 2022, comments: false },
});
// Which source it was made of: tests/browser/test_files.py compares without Node.
const stamp = createHash('sha256').update(source).digest('hex').slice(0, 8);
const script = `/*! ajaxupload ${stamp} MIT */\n${code}\n`;
const style = read('ajax-upload.css');
const files = { 'ajax-upload.min.js': script, 'js/fileuploader.js': script, 'css/fileuploader.css': style };

const stale = Object.keys(files).filter((name) => {
  try {
    return read(name) !== files[name];
  } catch {
    return true;
  }
});
if (process.argv.includes('--check')) {
  for (const name of stale) console.log(`stale: ${name} (npm run build --prefix tests/js)`);
  process.exitCode = stale.length ? 1 : 0;
} else for (const name of stale) writeFileSync(new URL(name, root), files[name]);
