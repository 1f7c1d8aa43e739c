export const chain = async () => ({ title: 'chain', rows: [] });
