/** The text files of /proc that speak of protocols: what TCP and UDP did, and how many sockets there are. */
import type { SampleBuilder } from './sample.ts';
import type { Scanner } from './scanner.ts';
import type { TextFile, TextFiles } from './text-subject.ts';

/** A counter of net/snmp or net/netstat: under which heading, by which name, and what it is called here. */
interface ProtocolEvent {
  readonly heading: string;
  readonly name: string;
  readonly event: string;
}

const of = (heading: string, names: Readonly<Record<string, string>>): ProtocolEvent[] =>
  Object.entries(names).map(([name, event]) => ({ heading, name, event }));

/** The columns in this order. Those of net/snmp come first. */
const SNMP_TCP = of('Tcp', {
  ActiveOpens: 'connect',
  PassiveOpens: 'accept',
  AttemptFails: 'connect_failed',
  EstabResets: 'reset',
  RetransSegs: 'retransmit',
  InErrs: 'bad_segment',
  OutRsts: 'reset_sent',
});
const SNMP_SEGMENTS = of('Tcp', { InSegs: 'receive', OutSegs: 'transmit' });
const SNMP_CONNECTIONS = of('Tcp', { CurrEstab: 'established' });
const SNMP_UDP = of('Udp', {
  InDatagrams: 'receive',
  OutDatagrams: 'transmit',
  NoPorts: 'no_port',
  InErrors: 'receive_failed',
  RcvbufErrors: 'receive_buffer_full',
  SndbufErrors: 'send_buffer_full',
});
const NETSTAT_TCP = of('TcpExt', {
  ListenOverflows: 'listen_overflow',
  ListenDrops: 'listen_drop',
  TCPTimeouts: 'timeout',
  TCPSynRetrans: 'syn_retransmit',
  TCPLostRetransmit: 'lost_retransmit',
  TCPSpuriousRtxHostQueues: 'spurious_retransmit',
  TCPBacklogDrop: 'backlog_drop',
  TCPRcvQDrop: 'receive_queue_drop',
  TCPMemoryPressures: 'memory_pressure',
  TCPAbortOnMemory: 'abort_on_memory',
  SyncookiesSent: 'syncookie_sent',
});

const SNMP = [...SNMP_TCP, ...SNMP_SEGMENTS, ...SNMP_UDP];
const PROTOCOL_EVENTS = [...SNMP, ...NETSTAT_TCP, ...SNMP_CONNECTIONS];

/** By what they are called: the columns of what is counted from them. */
const columnsOf = (events: readonly ProtocolEvent[]): Readonly<Record<string, number>> =>
  Object.fromEntries(events.map((each) => [each.event, PROTOCOL_EVENTS.indexOf(each)]));
export const TCP_EVENTS = columnsOf([...SNMP_TCP, ...NETSTAT_TCP]);
export const TCP_SEGMENTS = columnsOf(SNMP_SEGMENTS);
export const UDP_EVENTS = columnsOf(SNMP_UDP);
export const TCP_ESTABLISHED = PROTOCOL_EVENTS.indexOf(SNMP_CONNECTIONS[0]!);

/** Lines come in pairs, `Tcp: name name ..` and `Tcp: number number ..`. Which names stand where is worked out once,
 *  and again where a header changes. */
function parseProtocols(): (text: Scanner, into: SampleBuilder) => void {
  const headers = new Map<string, { readonly text: Buffer; readonly columns: readonly number[] }>();
  return (text, into) => {
    let header: readonly number[] | undefined;
    let headed = '';
    while (text.nextLine()) {
      const heading = text.before(':') ?? '';
      if (header !== undefined && heading === headed) {
        const numbers = into.numbersOf('', () => ({}));
        for (const column of header) {
          if (column < 0) text.skip();
          else numbers[column] = text.number();
        }
        header = undefined;
        continue;
      }
      headed = heading;
      const known = headers.get(heading);
      const names = text.rest();
      if (known?.text.equals(names) === true) header = known.columns;
      else if (PROTOCOL_EVENTS.some((each) => each.heading === heading)) {
        header = headerColumns(heading, names.toString('latin1'));
        headers.set(heading, { text: Buffer.from(names), columns: header });
      }
    }
  };
}

/** For each word of the header its column, or -1; up to the last that has one. */
function headerColumns(heading: string, names: string): number[] {
  const columns = names
    .split(' ')
    .map((name) => PROTOCOL_EVENTS.findIndex((each) => each.heading === heading && each.name === name));
  return columns.slice(0, columns.findLastIndex((column) => column >= 0) + 1);
}

const snmp: TextFile = { name: 'net/snmp', parse: parseProtocols() };
const netstat: TextFile = {
  name: 'net/netstat',
  columns: [SNMP.length, SNMP.length + NETSTAT_TCP.length],
  parse: parseProtocols(),
};

export const PROTOCOL_FILES: TextFiles = {
  files: [snmp, netstat],
  columns: PROTOCOL_EVENTS.length,
  counters: PROTOCOL_EVENTS.length - 1,
};

/** net/sockstat: a thing a protocol. Memory is in pages. */
export const SOCKET_STATES = ['inuse', 'orphan', 'tw', 'alloc'] as const;
export const SOCKET_PAGES = 4;

function parseSockets(text: Scanner, into: SampleBuilder): void {
  while (text.nextLine()) {
    const protocol = text.before(':')?.toLowerCase();
    if (protocol === undefined || protocol === 'sockets') continue;
    for (let name = text.word(); name !== ''; name = text.word()) {
      const value = text.number();
      const state = (SOCKET_STATES as readonly string[]).indexOf(name);
      const column = name === 'mem' ? SOCKET_PAGES : state;
      if (column >= 0) into.numbersOf(protocol, () => ({ protocol }))[column] = value;
    }
  }
}

export const SOCKET_FILES: TextFiles = {
  files: [{ name: 'net/sockstat', parse: parseSockets }],
  columns: 5,
  counters: 0,
};
