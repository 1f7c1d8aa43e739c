export const change = async () => ({ title: 'change', rows: [] });
