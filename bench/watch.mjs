export const watch = async () => ({ title: 'watch', rows: [] });
