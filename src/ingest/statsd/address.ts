/** Where StatsD clients send. */

export interface StatsdAddress {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
}

/** Where all clients do that are not told otherwise. */
export const STATSD_ADDRESS: StatsdAddress = { host: '127.0.0.1', port: 8125 };

/** `host:port`, `[::1]:port`, `:port` or `host`; undefined for what is none of these. */
export function statsdAddress(text: string): StatsdAddress | undefined {
  const [, inBrackets, plain, port] =
    /^(?:\[([0-9a-fA-F:.]+)\]|([^:\s[\]]*))(?::(\d{1,5}))?$/.exec(text) ?? [];
  const number = port === undefined ? STATSD_ADDRESS.port : Number(port);
  if ((inBrackets ?? plain) === undefined || number > 65_535) return undefined;
  return { host: inBrackets ?? (plain === '' ? STATSD_ADDRESS.host : plain!), port: number };
}
