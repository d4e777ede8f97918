// SPDX-License-Identifier: GPL-3.0-or-later
// WebSocket peers of the `ws` package for test_upgrade.py.
//   node ws_echo.js serve PORT     answers every message with itself
//   node ws_echo.js STORY PORT     a client; prints what happened
'use strict';

const WebSocket = require('ws');

const [story, port] = process.argv.slice(2);

function serve() {
  const choose = (offered) => [...offered].includes('chat.2') && 'chat.2';
  const where = { host: '127.0.0.1', port: Number(port) };
  const server = new WebSocket.Server({ ...where, handleProtocols: choose });
  server.on('listening', () => console.log(`listening on ${port}`));
  server.on('connection', (socket) => {
    socket.on('message', (data, isBinary) => {
      if (!isBinary && data.toString() === 'close me') return socket.close(4001, 'as asked');
      socket.send(data, { binary: isBinary });
    });
  });
}

function open(protocols = []) {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/`, protocols);
  socket.on('error', (error) => {
    console.log(`error ${error.message}`);
    process.exit(1);
  });
  return socket;
}

const next = (socket) => new Promise((resolve) => socket.once('message', resolve));
const opened = (socket) => new Promise((resolve) => socket.once('open', resolve));

function sayClose(socket) {
  return new Promise((resolve) => socket.once('close', (code, reason) => {
    console.log(`closed ${code} ${reason}`);
    resolve();
  }));
}

async function echo() {
  const socket = open();
  await opened(socket);
  const sizes = [];
  for (const size of [0, 125, 126, 65535, 65536, 1000000]) {
    const sent = Buffer.alloc(size, (index) => index & 255);
    socket.send(sent);
    const got = await next(socket);
    if (sent.equals(got)) sizes.push(size);
  }
  console.log(`echoed ${sizes.join(' ')}`);
  const closed = sayClose(socket);
  socket.close(1000, 'bye');
  await closed;
}

async function protocol() {
  const socket = open(['chat.1', 'chat.2']);
  await opened(socket);
  console.log(`protocol ${socket.protocol}`);
  socket.terminate();
}

async function closeMe() {
  const socket = open();
  await opened(socket);
  const closed = sayClose(socket);
  socket.send('close me');
  await closed;
}

async function many() {
  const results = await Promise.all(Array.from({ length: 50 }, async (_, number) => {
    const socket = open();
    await opened(socket);
    let good = 0;
    for (let round = 0; round < 20; round += 1) {
      socket.send(`${number} ${round}`);
      if ((await next(socket)).toString() === `${number} ${round}`) good += 1;
    }
    socket.terminate();
    return good === 20;
  }));
  console.log(`${results.filter(Boolean).length} of ${results.length}`);
}

({ serve, echo, protocol, 'close-me': closeMe, many })[story]();
