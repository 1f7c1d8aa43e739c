export const idle = async () => ({ title: 'idle', rows: [] });
