/**
 * The names that people give to secrets, lower case and without accents (the folded view of a text is read too), in
 * the languages in which they write about them.
 */
export const PASSWORDS: readonly string[] = [
  'password', 'passwd', 'passphrase', 'passcode', 'pwd', '_pass', '-pass', 'pass', 'smtppass', 'dbpass', 'userpass', 'dbpassword', 'userpassword', 'adminpassword', 'requirepass', 'masterauth', 'identified by',
  'passwort', 'kennwort', 'zugangscode', 'contrasena', 'mot de passe', 'motdepasse', 'mdp', 'senha', 'wachtwoord', 'parola', 'haslo', 'losenord', 'adgangskode', 'passord', 'salasana', 'heslo', 'jelszo', 'sifre',
  'mat khau', 'kata sandi', 'zaporka', 'lozinka', 'slaptazodis', 'parool',
  'пароль', 'паролем', 'кодовое слово', 'κωδικος', '密码', '密碼', '口令', 'パスワード', '暗証番号', '비밀번호', '암호', 'סיסמה', 'كلمة المرور', 'كلمة السر', 'पासवर्ड', 'รหัสผ่าน',
]

export const SECRETS: readonly string[] = [
  'secret', 'token', 'api_key', 'api-key', 'apikey', 'api key', 'key', 'accesstoken', 'authtoken', 'clientsecret', 'secretkey', 'accesskey', 'privatekey', 'authkey', 'masterkey', 'credential', 'creds', 'authorization', '_auth', 'psk', 'presharedkey', 'bearer_auth',
  'schlussel', 'schluessel', 'geheimnis', 'zugangsdaten', 'jeton', 'cle api', 'cle d\'api', 'cle secrete', 'clave', 'llave', 'credencial', 'chave', 'segredo', 'chiave', 'segreto', 'sleutel', 'klucz', 'anahtar', 'khoa api',
  'токен', 'ключ', 'секрет', '密钥', '密鑰', '令牌', '秘钥', '凭证', 'トークン', 'シークレット', 'キー', '토큰', '비밀키', 'مفتاح', 'टोकन',
]

/** Names under which random text stands that is no secret. Tried on the whole identifier. */
export const HARMLESS = /public|(?:recv|send|receive)-keys?|keyserver|secrets?-?manager|publish|pub_?key|cache|primary|foreign|partition|sort_?key|range_?key|idempoten|csrf|xsrf|keyboard|(?:next|prev|page|sync|continuation|pagination|change|resume|fcm|device|push)[_-]?(?:page_?)?token|pad_?token|tokeni[sz]er|fingerprint|hash|checksum|digest|integrity|etag|signature|thumbprint|site_?key|object_?key|s3_?key|row_?key|sequence|key_?(?:id|name|alias|ring|code|type|size|usage|path|file|vault|words?|frame|up|down|press|pair_?name|spec|arn|store|url|length|algo)|(?:secret|token|credential)s?_?(?:name|arn|ref|type|count|limit|address|uri|url|endpoint|path|file|version|length|usage|label|symbol|mint)|access_?token_?uri|pass(?:word)?s?_?(?:hash|field|policy|reset|length|hint|file|path|url|input|label|strength|confirmation_?id)|(?:_|-)(?:ids?|url|uri|arn|file|path|name|type|count|ttl|expiry|expires|expires_at|length|hash|status|version)$|[a-z]Id$|monkey|turkey|hotkey|passenger|passage|passing|passive|passport|passed|passes|compass|bypass|secretary|tokens_/i

/** Words before a name that say the same. */
export const HARMLESS_BEFORE = /(?:public|cache|primary|foreign|partition|sort|publishable|site|host|map|object|index|idempotency|csrf|next page|continuation|order|message|room|license plate|zip|commit|git)[ -]$/i

/** Words before a bare `key` that make it a secret. */
export const QUALIFIED = /(?:api|private|master|encryption|decryption|signing|access|secret|service|account|ssh|deploy|licen[cs]e|activation|admin|session|shared|auth|root|webhook|hmac|jwt|wallet|security|server|subscription|function|storage|personal|privater?|geheime[rn]?) $/i
