import requests

API_TOKEN = '@ACCOUNT@'
USER = "demo"
requests.get(url, headers={"Authorization": "cpanel demo:@CPANEL@"})
requests.get(url, headers={'Authorization': f'cpanel {USER}:@CPANEL@'})
session.headers["Authorization"] = "whm root:@CPANEL@"
client = Client(host, username="root", token="@HOST@")
