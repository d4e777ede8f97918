// SPDX-License-Identifier: GPL-3.0-or-later
// gRPC's own server and client for test_grpc.py. Messages are plain text: no .proto file, no generated code.
//   node grpc_peer.js serve PORT [CERT KEY]         prints what it sees
//   node grpc_peer.js STORY ADDRESS HOST [CA]       a client; prints what happened
'use strict';

const fs = require('fs');
const grpc = require('@grpc/grpc-js');

const [story, address, ...rest] = process.argv.slice(2);

const text = { serialize: (words) => Buffer.from(words), deserialize: (bytes) => bytes.toString() };

function method(name, requestStream, responseStream) {
  return {
    path: `/test.Words/${name}`, requestStream, responseStream,
    requestSerialize: text.serialize, requestDeserialize: text.deserialize,
    responseSerialize: text.serialize, responseDeserialize: text.deserialize,
  };
}

const service = {
  echo: method('Echo', false, false),
  fail: method('Fail', false, false),
  hang: method('Hang', false, false),
  join: method('Join', true, false),
  count: method('Count', false, true),
  chat: method('Chat', true, true),
  endless: method('Endless', false, true),
};

// ---- the server

function trailers(key, value) {
  const metadata = new grpc.Metadata();
  metadata.set(key, value);
  return metadata;
}

const handlers = {
  echo: (call, done) => {
    call.sendMetadata(trailers('x-head', call.metadata.get('x-asked').join()));
    done(null, call.request, trailers('x-trailer', 'after the message'));
  },
  fail: (call, done) => done({
    code: grpc.status.FAILED_PRECONDITION, details: 'not today: ünsafe', metadata: trailers('x-why', 'it rains'),
  }),
  hang: (call) => call.on('cancelled', () => console.log('cancelled hang')),
  join: (call, done) => {
    const words = [];
    call.on('data', (word) => words.push(word));
    call.on('end', () => done(null, words.join(' ')));
  },
  count: (call) => {
    for (let number = 1; number <= Number(call.request); number += 1) call.write(`${number}`);
    call.end(trailers('x-trailer', 'counted'));
  },
  chat: (call) => {
    call.on('data', (word) => call.write(word.toUpperCase()));
    call.on('end', () => call.end());
  },
  endless: (call) => {
    const ticking = setInterval(() => call.write('tick'), 5);
    call.on('cancelled', () => {
      clearInterval(ticking);
      console.log('cancelled endless');
    });
  },
};

function serve() {
  const [cert, key] = rest;
  const credentials = cert
    ? grpc.ServerCredentials.createSsl(null, [{ cert_chain: fs.readFileSync(cert), private_key: fs.readFileSync(key) }])
    : grpc.ServerCredentials.createInsecure();
  const server = new grpc.Server({ 'grpc.max_receive_message_length': -1 });
  server.addService(service, handlers);
  server.bindAsync(`127.0.0.1:${address}`, credentials, (error) => console.log(error ? error.message : 'listening'));
}

// ---- the client

function connect() {
  const [host, ca] = rest;
  const Words = grpc.makeGenericClientConstructor(service, 'Words');
  const options = { 'grpc.default_authority': host, 'grpc.max_receive_message_length': -1 };
  if (!ca) return new Words(address, grpc.credentials.createInsecure(), options);
  return new Words(address, grpc.credentials.createSsl(fs.readFileSync(ca)),
    { ...options, 'grpc.ssl_target_name_override': host });
}

const client = story === 'serve' ? null : connect();
const soon = () => ({ deadline: Date.now() + 10000 });

function ask(name, request, metadata = new grpc.Metadata(), options = soon()) {
  const heard = {};
  return new Promise((resolve) => {
    const call = client[name](request, metadata, options, (error, message) => Object.assign(heard, { error, message }));
    call.on('metadata', (head) => Object.assign(heard, { head }));
    call.on('status', (status) => resolve({ ...heard, status }));
  });
}

function listen(call) {
  const words = [];
  call.on('data', (word) => words.push(word));
  call.on('error', () => {});
  return new Promise((resolve) => call.on('status', (status) => resolve({ words, status })));
}

const show = (status) => (status.code === grpc.status.OK ? 'OK' : `${grpc.status[status.code]} ${status.details}`);

async function unary() {
  const heard = await ask('echo', 'hello', trailers('x-asked', 'yes'));
  const [head, trailer] = [heard.head.get('x-head'), heard.status.metadata.get('x-trailer')];
  console.log(`said ${heard.message}, head ${head}, trailer ${trailer}`);
  console.log(show(heard.status));
}

async function large() {
  const words = 'x'.repeat(3 << 20);
  const heard = await ask('echo', words);
  console.log(`${heard.message === words} ${show(heard.status)}`);
}

async function refusal() {
  const heard = await ask('fail', 'please');
  console.log(`${show(heard.status)}, ${heard.status.metadata.get('x-why')}`);
  console.log(show((await ask('echo', 'and after', trailers('x-asked', ''))).status));
}

async function uploads() {
  const joined = await new Promise((resolve, reject) => {
    const done = (error, message) => (error ? reject(error) : resolve(message));
    const call = client.join(new grpc.Metadata(), soon(), done);
    for (let number = 1; number <= 100; number += 1) call.write(`${number}`);
    call.end();
  });
  console.log(joined.split(' ').length);
}

async function downloads() {
  const heard = await listen(client.count('1000', new grpc.Metadata(), soon()));
  const trailer = heard.status.metadata.get('x-trailer');
  console.log(`${heard.words.length} ${heard.words.at(-1)} ${show(heard.status)}, ${trailer}`);
}

// Each word waits for the answer to the one before.
async function talk() {
  const call = client.chat(new grpc.Metadata(), soon());
  const heard = listen(call);
  const next = () => new Promise((resolve) => call.once('data', resolve));
  for (const word of ['one', 'two', 'three']) {
    const answer = next();
    call.write(word);
    await answer;
  }
  call.end();
  const { words, status } = await heard;
  console.log(`${words.join(' ')} ${show(status)}`);
}

async function deadline() {
  const heard = await ask('hang', 'for ever', new grpc.Metadata(), { deadline: Date.now() + 300 });
  console.log(grpc.status[heard.status.code]);
}

async function cancel() {
  const call = client.endless('go', new grpc.Metadata(), soon());
  call.once('data', () => call.cancel());
  console.log(show((await listen(call)).status));
}

// Until standard input ends.
async function held() {
  const call = client.chat(new grpc.Metadata(), soon());
  const heard = listen(call);
  call.once('data', () => console.log('open'));
  call.write('a word');
  process.stdin.on('end', () => call.end()).resume();
  console.log(show((await heard).status));
}

async function together() {
  const call = (_, number) => ask('echo', `${number}`, trailers('x-asked', 'yes'));
  const heard = await Promise.all(Array.from({ length: 100 }, call));
  console.log(`${heard.filter(({ message }, number) => message === `${number}`).length} of ${heard.length}`);
}

const stories = { unary, large, refusal, uploads, downloads, talk, deadline, cancel, held, together };
if (story === 'serve') serve();
else stories[story]().then(() => client.close());
