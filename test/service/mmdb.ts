/** Writes small databases in MaxMind's format, version 2.0: a binary tree over the bits of addresses whose leaves point to
 *  records. Records of 24 bits; no sharing of records. */
import { isIPv4 } from 'node:net';

export type MmdbValue = string | number | readonly MmdbValue[] | { readonly [name: string]: MmdbValue };

export interface MmdbSpec {
  readonly type: string;
  readonly ipVersion: 4 | 6;
  /** Records by network, `10.0.0.0/8`; none lies within another. */
  readonly networks: Readonly<Record<string, MmdbValue>>;
}

type Node = [Leaf, Leaf];
type Leaf = Node | { readonly record: number } | undefined;

export function mmdbOf({ type, ipVersion, networks }: MmdbSpec): Buffer {
  const root: Node = [undefined, undefined];
  const records: Buffer[] = [];
  let length = 0;
  for (const [network, value] of Object.entries(networks)) {
    insert(root, networkBits(network, ipVersion), length);
    const record = encode(value);
    records.push(record);
    length += record.length;
  }
  const nodes = nodesOf(root);
  const tree = Buffer.concat(nodes.map((node) => nodeBytes(node, nodes)));
  const metadata = encode({
    binary_format_major_version: 2,
    binary_format_minor_version: 0,
    build_epoch: 1,
    database_type: type,
    description: { en: 'a test' },
    ip_version: ipVersion,
    languages: ['en'],
    node_count: nodes.length,
    record_size: 24,
  });
  const mark = Buffer.from('\xab\xcd\xefMaxMind.com', 'latin1');
  return Buffer.concat([tree, Buffer.alloc(16), ...records, mark, metadata]);
}

function insert(root: Node, bits: readonly number[], record: number): void {
  let node = root;
  bits.forEach((bit, i) => {
    if (i === bits.length - 1) node[bit] = { record };
    else node = (node[bit] ??= [undefined, undefined]) as Node;
  });
}

function nodesOf(root: Node): Node[] {
  const nodes = [root];
  for (let i = 0; i < nodes.length; i++)
    nodes.push(...nodes[i]!.filter((leaf): leaf is Node => Array.isArray(leaf)));
  return nodes;
}

function nodeBytes(node: Node, nodes: readonly Node[]): Buffer {
  const bytes = Buffer.alloc(6);
  node.forEach((leaf, side) => {
    const place = Array.isArray(leaf)
      ? nodes.indexOf(leaf)
      : nodes.length + (leaf === undefined ? 0 : 16 + leaf.record);
    bytes.writeUIntBE(place, side * 3, 3);
  });
  return bytes;
}

function networkBits(network: string, ipVersion: 4 | 6): number[] {
  const [address, length] = network.split('/') as [string, string];
  const bits = bytesOf(address).flatMap((byte) => [7, 6, 5, 4, 3, 2, 1, 0].map((n) => (byte >> n) & 1));
  const own = bits.slice(0, Number(length));
  return isIPv4(address) && ipVersion === 6 ? [...Array.from({ length: 96 }, () => 0), ...own] : own;
}

function bytesOf(address: string): number[] {
  if (isIPv4(address)) return address.split('.').map(Number);
  const [left = '', right] = address.split('::');
  const words = (text: string | undefined): number[] =>
    text === undefined || text === '' ? [] : text.split(':').map((word) => Number.parseInt(word, 16));
  const [head, tail] = [words(left), words(right)];
  const all = [...head, ...Array.from({ length: 8 - head.length - tail.length }, () => 0), ...tail];
  return all.flatMap((word) => [word >> 8, word & 0xff]);
}

function encode(value: MmdbValue): Buffer {
  if (typeof value === 'string') {
    const text = Buffer.from(value, 'utf8');
    return Buffer.concat([control(2, text.length), text]);
  }
  if (typeof value === 'number') {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32BE(value);
    return Buffer.concat([control(6, 4), bytes]);
  }
  if (Array.isArray(value)) return Buffer.concat([control(11, value.length), ...value.map(encode)]);
  const entries = Object.entries(value as Readonly<Record<string, MmdbValue>>);
  return Buffer.concat([control(7, entries.length), ...entries.flatMap(([k, v]) => [encode(k), encode(v)])]);
}

function control(type: number, size: number): Buffer {
  const inline = Math.min(size, 29);
  const head = type > 7 ? [inline, type - 7] : [(type << 5) | inline];
  return Buffer.from(size < 29 ? head : [...head, size - 29]);
}
