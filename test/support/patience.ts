/** Deadlines of tests are multiplied by it: an emulated machine (test/v2) takes ten times as long for everything. */
export const patience = Number(process.env['TSSTACK_TEST_PATIENCE'] ?? 1);
