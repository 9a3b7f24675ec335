/** What is mounted where, from the text of /proc/self/mounts. Pure. */

export interface Mount {
  readonly device: string;
  readonly path: string;
  readonly fstype: string;
  readonly options: readonly string[];
}

/** Spaces, tabs, newlines and backslashes stand there in octal. */
export function parseMounts(text: string): Mount[] {
  return text.split('\n').flatMap((line) => {
    const [device, path, fstype, options] = line.split(' ');
    if (device === undefined || path === undefined || fstype === undefined || options === undefined)
      return [];
    return [{ device: plain(device), path: plain(path), fstype, options: options.split(',') }];
  });
}

function plain(text: string): string {
  return text.replace(/\\([0-3][0-7]{2})/g, (_, octal: string) =>
    String.fromCharCode(Number.parseInt(octal, 8)),
  );
}
