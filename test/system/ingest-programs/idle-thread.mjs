/** A thread that lives and does nothing. */
setTimeout(() => {}, 1e9);
