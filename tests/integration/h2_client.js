// SPDX-License-Identifier: GPL-3.0-or-later
// Node's own client of HTTP/2, for test_h2_clients.py.
//   node h2_client.js URL HOST [CA]     prints what happened
'use strict';

const fs = require('fs');
const http2 = require('http2');

const [url, host, ca] = process.argv.slice(2);

function connect() {
  const trust = ca ? { ca: fs.readFileSync(ca), servername: host } : {};
  const session = http2.connect(url, trust);
  session.on('error', (error) => {
    console.log(`error ${error.message}`);
    process.exit(1);
  });
  return session;
}

function exchange(session, fields, body) {
  return new Promise((resolve, reject) => {
    const stream = session.request({ ':authority': host, ...fields }, { endStream: body === undefined });
    const answer = { pieces: [] };
    stream.on('response', (head) => Object.assign(answer, { head }));
    stream.on('trailers', (trailers) => Object.assign(answer, { trailers }));
    stream.on('data', (piece) => answer.pieces.push(piece));
    stream.on('end', () => resolve({ ...answer, body: Buffer.concat(answer.pieces) }));
    stream.on('error', reject);
    if (body !== undefined) stream.end(body);
  });
}

async function main() {
  const session = connect();
  const whole = Buffer.alloc(1 << 20, (index) => index % 251);
  const echoed = await exchange(session, { ':method': 'POST', ':path': '/echo' }, whole);
  console.log(`echoed ${echoed.body.equals(whole)}`);

  const sizes = Array.from({ length: 50 }, (_, number) => 1000 * number + 1);
  const many = await Promise.all(sizes.map((size) => exchange(session, { ':path': `/bytes/${size}` })));
  console.log(`at once ${many.every((each, number) => each.body.length === sizes[number])}`);

  const last = await exchange(session, { ':path': '/trailers', te: 'trailers' });
  console.log(`trailers ${last.trailers['x-checksum']}`);

  await new Promise((resolve, reject) => session.ping((error) => (error ? reject(error) : resolve())));
  console.log(`protocol ${session.alpnProtocol}`);
  await new Promise((resolve) => session.close(resolve));
  console.log('closed');
}

main();
