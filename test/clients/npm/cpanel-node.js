// cpanel-node: API 2 by GET under the account's password.
const CPanel = require('cpanel-node')
const env = process.env

const client = pass => new CPanel({ host: env.HOST, port: env.CPANEL_PORT, user: env.ACCOUNT, pass, https: true })

async function say(name, promise, pick) {
  const { response, header } = await promise
  const { cpanelresult } = JSON.parse(response)
  console.log(name, header.statusCode, JSON.stringify(pick(cpanelresult)))
}

async function main() {
  const result = a => [a.event.result, a.data[0].result, a.error]
  const own = client(env.PASSWORD)
  const mailbox = (email, more) => ({ email, domain: env.DOMAIN, ...more })

  await say('addpop', own.emailAddpop(mailbox('kept', { password: 'Another1Word', quota: 20 })), result)
  await say('addpop', own.emailAddpop(mailbox('gone', { password: 'Another1Word', quota: 0 })), result)
  await say('addpop again', own.emailAddpop(mailbox('gone', { password: 'Another1Word', quota: 0 })), result)
  await say('passwdpop', own.emailPasswdpop(mailbox('kept', { password: env.SECRET })), result)
  await say('editquota', own.emailEditpopQuota(mailbox('kept', { quota: 30 })), result)
  await say('delpop', own.emailDelpop(mailbox('gone')), result)
  await say('delpop again', own.emailDelpop(mailbox('gone')), result)
  await say('listpops', own.login('Email', 'listpops'), a => a.data.map(row => row.email))
  await say('fetchzones', own.zoneFetchZones(), result)
  await say('listaddondomains', own.listAddonDomains('x'), a => [a.event.result, a.data, a.error])
  await say('wrong password', client('wrong').emailDelpop(mailbox('kept')), a => a.error)
}

main()
