const response = await fetch('http://127.0.0.1:3000/sum?a=1&b=1');
process.exit(response.ok ? 0 : 1);
