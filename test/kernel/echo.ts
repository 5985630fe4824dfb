/** echo.ts ADDRESS: prints the port that it listens on, and answers each datagram with 10 bytes. */
import { createSocket } from 'node:dgram';

const socket = createSocket('udp4');
socket.on('message', (_, { address, port }) => socket.send(Buffer.alloc(10), port, address));
socket.bind(0, process.argv[2], () => process.stdout.write(`${socket.address().port}\n`));
