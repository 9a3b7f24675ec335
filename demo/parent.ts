/** Calls `gone` when the IPC channel that this process was started with closes; never where there was none.
 *  The channel may have closed while modules were loading, before anyone could listen for it. */
export function onDisconnect(gone: () => void): void {
  if (process.send === undefined) return;
  if (process.connected) process.once('disconnect', gone);
  else gone();
}
