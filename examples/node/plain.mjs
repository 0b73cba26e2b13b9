// Add a picture and find it, with nothing but Node 18 or newer.
//
//   LOOKALIKE_URL=http://127.0.0.1:8000 LOOKALIKE_KEY_ID=… LOOKALIKE_KEY_SECRET=… \
//     node plain.mjs COLLECTION PICTURE
import { createHash, createHmac, randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';

const { LOOKALIKE_URL, LOOKALIKE_KEY_ID, LOOKALIKE_KEY_SECRET } = process.env;
const sha256 = (text) => createHash('sha256').update(text).digest('hex');

async function call(action, parameters) {
  const body = new URLSearchParams(parameters).toString();
  const headers = {
    'content-type': 'application/x-www-form-urlencoded',
    host: new URL(LOOKALIKE_URL).host,
    'x-acs-action': action,
    'x-acs-content-sha256': sha256(body),
    'x-acs-date': new Date().toISOString().replace(/\.\d+Z$/, 'Z'),
    'x-acs-signature-nonce': randomUUID(),
    'x-acs-version': '2020-12-14',
  };
  const sorted = Object.keys(headers).sort();
  const lines = sorted.map((name) => `${name}:${headers[name]}\n`).join('');
  const names = sorted.join(';');
  const canonical = ['POST', '/', '', lines, names, headers['x-acs-content-sha256']].join('\n');
  const signature = createHmac('sha256', LOOKALIKE_KEY_SECRET)
    .update(`ACS3-HMAC-SHA256\n${sha256(canonical)}`)
    .digest('hex');
  const claim = `Credential=${LOOKALIKE_KEY_ID},SignedHeaders=${names},Signature=${signature}`;
  headers.Authorization = `ACS3-HMAC-SHA256 ${claim}`;
  const answer = await (await fetch(LOOKALIKE_URL, { method: 'POST', headers, body })).json();
  if (answer.Code) throw new Error(`${answer.Code}: ${answer.Message}`);
  return answer;
}

const [collection, path] = process.argv.slice(2);
const content = (await readFile(path)).toString('base64');
const picture = { InstanceName: collection, PicContent: content };
await call('AddImage', { ...picture, ProductId: 'example', PicName: basename(path) });
const found = await call('SearchImageByPic', { ...picture, Num: 5 });
for (const hit of found.Auctions) {
  console.log(hit.Score.toFixed(3), hit.SortExprValues, hit.ProductId, hit.PicName);
}
