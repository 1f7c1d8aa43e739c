export const adoption = async () => ({ title: 'adoption', rows: [] });
