// Where the system's own programs are, for processes that get nothing of the server's environment.

export const PROGRAMS = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
