/** The word of the command line that makes a supervisor of this program. */
export const SUPERVISOR = 'supervisor';
