/** The environment says that a process is a worker of ours; the platform's own marks are also those of other programs' workers. */
export const workerMark = 'COFFER_WORKER';
