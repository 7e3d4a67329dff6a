const token = "@ACCOUNT@";
await fetch(url, { headers: { Authorization: `cpanel ${user}:@CPANEL@` } });
await fetch(url, { headers: { "Authorization": "cpanel demo:@CPANEL@" } });
axios.defaults.headers.common['Authorization'] = 'whm root:@HOST@';
