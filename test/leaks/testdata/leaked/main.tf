provider "cpanel" {
  host      = "example.com"
  api_token = "@ACCOUNT@"
}
resource "kubernetes_secret" "cpanel" {
  data = { token = "@BASE64@" }
}
