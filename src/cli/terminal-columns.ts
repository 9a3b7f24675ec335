/** How wide a table for this terminal may be; into a pipe nothing is cut. */
export function terminalColumns(): number {
  return process.stdout.isTTY ? Math.min(Math.max(process.stdout.columns, 40), 1000) : 1000;
}
