import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';

export type Files = Record<string, Uint8Array | string>;

/** What the server does with one request of a file instead of answering as the hub does. */
export interface Fault {
  /** Cuts the connection after so many bytes of the body. */
  cutAfter?: number;
  ignoreRange?: boolean;
  /** Begins so many bytes before what was asked for, and says so. */
  startEarlier?: number;
  /** Answers with this status and nothing else. */
  status?: number;
  /** Changes the body. */
  change?: (body: Uint8Array) => Uint8Array;
  /** Sends nothing more after so many bytes, and keeps the connection. */
  stallAfter?: number;
  withoutContentRange?: boolean;
}

export interface HubServer {
  address: string;
  files: Files;
  /** Bytes of bodies sent for each file. */
  sent: Map<string, number>;
  /** The Range header of each request of a file, '' where there was none. */
  ranges: [file: string, range: string][];
  /** Asked for each request of a file; undefined: no fault. */
  fault: (file: string, request: number) => Fault | undefined;
  /** Changes the list of files before it is sent. */
  changeList: (list: Record<string, unknown>[]) => unknown;
}

const PAGE = 5;

/**
 * A local server of the hub's layout with one repository, `owner/model`. Names that end in .safetensors are large files, announced with
 * their SHA-256, others small ones, announced with their git blob's SHA-1. No ETag. The list comes in pages.
 */
export async function startHub(files: Files): Promise<HubServer> {
  const hub: HubServer = {
    address: '',
    files,
    sent: new Map(),
    ranges: [],
    fault: () => undefined,
    changeList: (list) => list,
  };
  const requests = new Map<string, number>();
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '', hub.address);
    const file = /^\/owner\/model\/resolve\/main\/(.+)$/.exec(url.pathname)?.[1];
    if (url.pathname === '/api/models/owner/model/tree/main') {
      sendList(hub, url, response);
    } else if (file !== undefined && hub.files[file] !== undefined) {
      const count = requests.get(file) ?? 0;
      requests.set(file, count + 1);
      sendFile(hub, file, request, response, hub.fault(file, count) ?? {});
    } else {
      response.writeHead(url.pathname.includes('/gated/') ? 401 : 404).end();
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  hub.address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  onTestFinished(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return hub;
}

export function bytesOf(content: Uint8Array | string | undefined): Uint8Array {
  return typeof content === 'string'
    ? new TextEncoder().encode(content)
    : (content ?? new Uint8Array());
}

function sendList(hub: HubServer, url: URL, response: ServerResponse): void {
  const entries: Record<string, unknown>[] = [
    { type: 'directory', path: 'original', oid: '0'.repeat(40), size: 0 },
    { type: 'file', path: 'original/consolidated.00.pth', oid: '0'.repeat(40), size: 1e9 },
    ...Object.entries(hub.files).map(([path, content]) => entryOf(path, bytesOf(content))),
  ];
  const start = Number(url.searchParams.get('cursor') ?? 0);
  const page = hub.changeList(entries.slice(start, start + PAGE));
  if (start + PAGE < entries.length) {
    url.searchParams.set('cursor', String(start + PAGE));
    response.setHeader('Link', `<${url.href}>; rel="next"`);
  }
  response.end(JSON.stringify(page));
}

function entryOf(path: string, bytes: Uint8Array): Record<string, unknown> {
  const size = bytes.length;
  if (path.endsWith('.safetensors')) {
    const oid = createHash('sha256').update(bytes).digest('hex');
    return { type: 'file', path, oid: 'f'.repeat(40), size, lfs: { oid, size, pointerSize: 135 } };
  }
  const oid = createHash('sha1').update(`blob ${size}\0`).update(bytes).digest('hex');
  return { type: 'file', path, oid, size };
}

function sendFile(
  hub: HubServer,
  file: string,
  request: IncomingMessage,
  response: ServerResponse,
  fault: Fault,
): void {
  const range = request.headers.range ?? '';
  hub.ranges.push([file, range]);
  if (fault.status !== undefined) {
    response.writeHead(fault.status).end();
    return;
  }
  const bytes = bytesOf(hub.files[file]);
  const asked = fault.ignoreRange === true ? undefined : /^bytes=(\d+)-$/.exec(range)?.[1];
  const start = Math.max(0, Number(asked ?? 0) - (fault.startEarlier ?? 0));
  if (asked !== undefined && fault.withoutContentRange !== true) {
    response.setHeader('Content-Range', `bytes ${start}-${bytes.length - 1}/${bytes.length}`);
  }
  const body = fault.change?.(bytes.slice(start)) ?? bytes.slice(start);
  response.writeHead(asked === undefined ? 200 : 206, { 'Content-Length': body.length });
  const end = Math.min(body.length, fault.cutAfter ?? Infinity, fault.stallAfter ?? Infinity);
  hub.sent.set(file, (hub.sent.get(file) ?? 0) + end);
  if (fault.stallAfter !== undefined) response.write(body.subarray(0, end));
  else if (fault.cutAfter === undefined) response.end(body);
  // A moment for the bytes to leave before the connection is cut.
  else response.write(body.subarray(0, end), () => setTimeout(() => response.destroy(), 5));
}
