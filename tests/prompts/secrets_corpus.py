"""Invented secrets, of every shape and in every way of writing that the redaction must know.

None was ever anybody's: all are drawn by chance, the same in every run, and put together here from their parts, so that
no scanner finds one in the repository. ``KEYS`` are known wherever they stand; ``NAMED`` only by what stands beside
them. ``PLANTED`` is all of them, each with a text that carries it: for whoever plants secrets and looks where they go.
"""

import base64
import json
import random
import string
from dataclasses import dataclass

WORD = string.ascii_letters + string.digits
URL_SAFE = WORD + "-_"
BASE64 = WORD + "+/"
HEX = "0123456789abcdef"
BASE32 = string.ascii_uppercase + "234567"

_chance = random.Random(6)  # the same ones every time


def drawn(alphabet: str, length: int) -> str:
    """Return so many characters by chance, with letters and digits at both ends."""
    while True:
        text = "".join(_chance.choices(alphabet, k=length))
        digits = sum(map(str.isdigit, text))
        if text[0].isalnum() and text[-1].isalnum() and min(2, length // 2) <= digits < length:
            return text


@dataclass(frozen=True, slots=True)
class Planted:
    """A secret, the kind that its mark must have, and a text that carries it."""

    kind: str
    secret: str
    text: str


def _token(*parts: dict[str, object]) -> str:
    """A JSON web token."""
    coded = [base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts]
    return ".".join((*coded, drawn(URL_SAFE, 43)))


def _private_key(label: str, width: int = 64, lines: int = 8) -> str:
    body = "\n".join(drawn(BASE64, width) for _ in range(lines))
    return f"-----BEGIN {label}-----\n{body}\n-----END {label}-----"


# kind, how it begins, and pieces (alphabet, length) joined by nothing
_SHAPES: tuple[tuple[str, str, str, int], ...] = (
    ("anthropic", "sk-" + "ant-api03-", URL_SAFE, 95),
    ("anthropic", "sk-" + "ant-admin01-", URL_SAFE, 95),
    ("anthropic", "sk-" + "ant-oat01-", URL_SAFE, 95),
    ("anthropic", "sk-" + "ant-sid01-", URL_SAFE, 86),
    ("openai", "sk-" + "proj-", URL_SAFE, 156),
    ("openai", "sk-" + "svcacct-", URL_SAFE, 156),
    ("openai", "sk-" + "admin-", URL_SAFE, 132),
    ("openai", "sk-", WORD, 48),
    ("openai", "sk-", HEX, 32),  # DeepSeek
    ("openrouter", "sk-" + "or-v1-", HEX, 64),
    ("langfuse", "sk-" + "lf-", HEX, 36),
    ("google", "AI" + "za", URL_SAFE, 35),
    ("google", "ya" + "29.", URL_SAFE, 120),
    ("google", "GOC" + "SPX-", URL_SAFE, 28),
    ("groq", "gs" + "k_", WORD, 52),
    ("xai", "xa" + "i-", WORD, 80),
    ("huggingface", "h" + "f_", WORD, 34),
    ("huggingface", "api_" + "org_", WORD, 34),
    ("replicate", "r" + "8_", WORD, 37),
    ("perplexity", "ppl" + "x-", WORD, 48),
    ("together", "tgp" + "_v1_", URL_SAFE, 43),
    ("fireworks", "f" + "w_", WORD, 24),
    ("nvidia", "nva" + "pi-", URL_SAFE, 64),
    ("cerebras", "cs" + "k-", WORD, 48),
    ("voyage", "p" + "a-", WORD, 43),
    ("jina", "ji" + "na_", WORD, 60),
    ("tavily", "tv" + "ly-", WORD, 32),
    ("brave", "BS" + "A", WORD, 28),
    ("bedrock", "AB" + "SK", WORD, 128),
    ("bedrock", "bedrock-" + "api-key-", WORD, 100),
    ("langsmith", "ls" + "v2_pt_", HEX, 42),
    ("vercel", "vc" + "k_", WORD, 56),
    ("aws", "AK" + "IA", BASE32, 16),
    ("aws", "AS" + "IA", BASE32, 16),
    ("alibaba", "LT" + "AI", WORD, 20),
    ("digitalocean", "do" + "p_v1_", HEX, 64),
    ("digitalocean", "do" + "o_v1_", HEX, 64),
    ("digitalocean", "do" + "r_v1_", HEX, 64),
    ("databricks", "da" + "pi", HEX, 32),
    ("cloudflare", "cf" + "ut_", WORD, 40),
    ("heroku", "HR" + "KU-AA", WORD, 58),
    ("fly", "fo" + "1_", URL_SAFE, 43),
    ("fly", "fm" + "2_", WORD, 120),
    ("pulumi", "pu" + "l-", HEX, 40),
    ("planetscale", "pscale" + "_tkn_", URL_SAFE, 43),
    ("planetscale", "pscale" + "_pw_", URL_SAFE, 43),
    ("supabase", "sb" + "p_", HEX, 40),
    ("supabase", "sb_" + "secret_", WORD, 31),
    ("vault", "hv" + "s.", WORD, 95),
    ("vault", "hv" + "b.", WORD, 140),
    ("doppler", "dp." + "pt.", WORD, 43),
    ("doppler", "dp." + "st.dev.", WORD, 43),
    ("tailscale", "ts" + "key-auth-", WORD, 40),
    ("github", "gh" + "p_", WORD, 36),
    ("github", "gh" + "o_", WORD, 36),
    ("github", "gh" + "u_", WORD, 36),
    ("github", "gh" + "s_", WORD, 36),
    ("github", "gh" + "r_", WORD, 76),
    ("github", "github" + "_pat_", WORD + "_", 82),
    ("gitlab", "gl" + "pat-", URL_SAFE, 20),
    ("gitlab", "gl" + "rt-", URL_SAFE, 20),
    ("gitlab", "gl" + "dt-", URL_SAFE, 20),
    ("gitlab", "gl" + "cbt-64_", URL_SAFE, 20),
    ("npm", "np" + "m_", WORD, 36),
    ("pypi", "py" + "pi-AgEIcHlwaS5vcmc", URL_SAFE, 130),
    ("rubygems", "ruby" + "gems_", HEX, 48),
    ("docker", "dckr" + "_pat_", URL_SAFE, 27),
    ("linear", "lin" + "_api_", WORD, 40),
    ("notion", "nt" + "n_", WORD, 46),
    ("notion", "sec" + "ret_", WORD, 43),
    ("atlassian", "AT" + "ATT3xFfGF0", WORD, 180),
    ("figma", "fi" + "gd_", URL_SAFE, 40),
    ("grafana", "gl" + "c_", WORD, 120),
    ("sentry", "snt" + "rys_", WORD, 120),
    ("sentry", "snt" + "ryu_", HEX, 64),
    ("newrelic", "NR" + "AK-", string.ascii_uppercase + string.digits, 27),
    ("posthog", "ph" + "x_", WORD, 43),
    ("stripe", "sk" + "_live_", WORD, 99),
    ("stripe", "sk" + "_test_", WORD, 24),
    ("stripe", "rk" + "_live_", WORD, 24),
    ("stripe", "wh" + "sec_", WORD, 32),
    ("square", "sq" + "0atp-", URL_SAFE, 22),
    ("shopify", "shp" + "at_", HEX, 32),
    ("shopify", "shp" + "ss_", HEX, 32),
    ("slack", "xox" + "b-", string.digits, 12),
    ("slack", "xox" + "p-", string.digits, 12),
    ("slack", "xa" + "pp-1-A0", WORD, 60),
    ("slack", "hooks.slack" + ".com/services/T0", WORD + "/", 43),
    ("twilio", "S" + "K", HEX, 32),
    ("mailgun", "k" + "ey-", HEX, 32),
    ("resend", "r" + "e_", WORD, 8),
    ("age", "AGE-" + "SECRET-KEY-1", string.ascii_uppercase + string.digits, 58),
)


def _shaped(kind: str, begin: str, alphabet: str, length: int) -> str:
    if begin.startswith("xox"):
        return f"{begin}7{drawn(string.digits + 'a', 11)}-{drawn(WORD, 24)}"
    if kind == "resend":
        return f"{begin}{drawn(WORD, length)}_{drawn(WORD, 24)}"
    return begin + drawn(alphabet, length)


_OF_PARTS: tuple[tuple[str, str], ...] = (
    ("sendgrid", f"S{'G.'}{drawn(URL_SAFE, 22)}.{drawn(URL_SAFE, 43)}"),
    ("postman", f"PM{'AK-'}{drawn(HEX, 24)}-{drawn(HEX, 34)}"),
    ("grafana", f"gl{'sa_'}{drawn(WORD, 32)}_{drawn(HEX, 8)}"),
    ("dynatrace", f"dt0{'c01.'}{drawn(BASE32, 24)}.{drawn(BASE32, 64)}"),
    ("brevo", f"xkey{'sib-'}{drawn(HEX, 64)}-{drawn(WORD, 16)}"),
    ("cloudflare", f"v1.{'0-'}{drawn(HEX, 24)}-{drawn(HEX, 146)}"),
    ("telegram", f"61{drawn(string.digits + 'a', 8).replace('a', '7')}:{'AA'}{drawn(URL_SAFE, 33)}"),
    ("discord", f"M{drawn(WORD, 23)}.{drawn(WORD, 6)}.{drawn(URL_SAFE, 38)}"),
    ("discord", f"/web{'hooks/'}109876543210987654/{drawn(URL_SAFE, 68)}"),
    ("zai", f"{drawn(HEX, 32)}.{drawn(WORD, 16)}"),
    ("jwt", _token({"alg": "HS256", "typ": "JWT"}, {"sub": "1234567890", "admin": True})),
    ("jwt", _token({"alg": "RS256", "kid": "a"}, {"iss": "https://id.example.com", "exp": 1_900_000_000})),
    ("private-key", _private_key("RSA PRIVATE KEY")),
    ("private-key", _private_key("PRIVATE KEY")),
    ("private-key", _private_key("EC PRIVATE KEY", lines=3)),
    ("private-key", _private_key("OPENSSH PRIVATE KEY", width=70)),
    ("private-key", _private_key("ENCRYPTED PRIVATE KEY")),
    ("private-key", _private_key("PGP PRIVATE KEY BLOCK")),
)

KEYS: tuple[tuple[str, str], ...] = (*((row[0], _shaped(*row)) for row in _SHAPES), *_OF_PARTS)

# {} is the secret; the secrets of a line are drawn by its letter
_LINES: tuple[tuple[str, str, str], ...] = (
    # files of settings
    ("key", "w32", "API_KEY={}"),
    ("key", "w40", "export COHERE_API_KEY={}"),
    ("key", "w32", 'MISTRAL_API_KEY="{}"'),
    ("key", "h32", "AZURE_OPENAI_API_KEY='{}'"),
    ("secret", "b40", "AWS_SECRET_ACCESS_KEY={}"),
    ("secret", "b40", "aws_secret_access_key = {}"),
    ("token", "b200", "AWS_SESSION_TOKEN={}"),
    ("key", "k86", "AccountName=store;AccountKey={};EndpointSuffix=core.windows.net"),
    ("key", "h32", "DD_API_KEY={}"),
    ("key", "h64", "ENCRYPTION_KEY={}"),
    ("secret", "w50", "SECRET_KEY_BASE={}"),
    ("secret", "w50", "SECRET_KEY = '{}'"),
    ("key", "h64", "STRANGE_VENDOR_KEY={}"),
    ("password", "p12", "DB_PASSWORD={}"),
    ("password", "p12", "MYSQL_PWD={}"),
    ("password", "p12", "SMTP_PASS={}"),
    ("password", "p9", "PGPASSWORD={} psql -h db"),
    ("password", "l10", "POSTGRES_PASSWORD={}"),
    ("token", "w40", "VAULT_TOKEN={}\nVAULT_ADDR=http://vault:8200"),
    ("token", "u", "HEROKU_TOKEN={}"),
    ("token", "u", "//registry.example.com/:_authToken={}"),
    ("authorization", "a30", "_auth={}"),
    # YAML, TOML, INI
    ("password", "p12", "  password: {}"),
    ("password", "p12", 'password: "{}"  # of the test database'),
    ("key", "w32", "api_key: {}"),
    ("key", "w32", 'api-key: "{}"'),
    ("secret", "w40", "client_secret: {}"),
    ("token", "w40", "      token: {}"),
    ("key", "w32", "    - name: API_KEY\n      value: {}"),
    ("secret", "w32", '    - name: CLIENT_SECRET\n      value: "{}"'),
    ("password", "n12", "[mysql]\nuser = root\npassword = {}"),
    ("key", "h32", 'secret_api_key = "{}"'),
    ("secret", "w32", "[oauth]\nclient-secret = {}"),
    # JSON
    ("key", "w32", '{{"api_key": "{}"}}'),
    ("key", "w32", '{{"apiKey":"{}","user":"me"}}'),
    ("token", "w40", '{{"access_token": "{}", "expires_in": 3600}}'),
    ("token", "w60", '{{"refresh_token": "{}", "token_type": "bearer"}}'),
    ("secret", "w28", '{{"clientSecret": "{}"}}'),
    ("password", "p12", '{{"user": "admin", "password": "{}"}}'),
    ("password", "n10", '{{"passphrase": "{}"}}'),
    ("key", "w40", '{{"env": [{{"name": "API_KEY", "value": "{}"}}]}}'),
    ("authorization", "a30", '{{"auths": {{"https://index.docker.io/v1/": {{"auth": "{}"}}}}}}'),
    ("secret", "b40", '{{"SecretAccessKey": "{}"}}'),
    ("token", "b200", '{{"SessionToken": "{}"}}'),
    ("password", "d8", '{{"password": "{}"}}'),
    # code
    ("key", "w32", 'client = Client(api_key="{}")'),
    ("key", "w32", "const apiKey = '{}';"),
    ("token", "w36", "let token = `{}`;"),
    ("token", "w36", 'auth_token: str = "{}"'),
    ("password", "p12", 'conn = connect(user="me", password="{}")'),
    ("password", "p12", 'String password = "{}";'),
    ("secret", "h64", "$client_secret => '{}',"),
    ("secret", "w32", 'secret := "{}"'),
    ("key", "w32", 'os.environ["API_KEY"] = "{}"'),
    ("key", "w32", "headers.set('X-Api-Key', '{}')"),
    ("key", "w32", '{{"x-api-key": "{}"}}'),
    ("password", "p12", "spring.datasource.password={}"),
    ("password", "p12", "<password>{}</password>"),
    ("token", "w36", "<authToken>{}</authToken>"),
    ("key", "w40", "signing_key=b'{}'"),
    # commands
    ("authorization", "w40", 'curl -H "Authorization: Bearer {}" https://api.example.com'),
    ("authorization", "w40", "curl --header 'Authorization: Token {}' https://api.example.com"),
    ("authorization", "a30", "curl -H 'Authorization: Basic {}' https://api.example.com"),
    ("key", "w32", "curl -H 'X-Api-Key: {}' https://api.example.com"),
    ("key", "w32", "curl https://api.example.com -H x-goog-api-key:{}"),
    ("password", "p12", "curl -u admin:{} https://example.com"),
    ("password", "p12", "curl -s --user 'admin:{}' https://example.com"),
    ("password", "p12", "mysqldump --password={} shop"),
    ("password", "n12", "docker login -u me --password {} registry.example.com"),
    ("token", "w36", "gh auth login --token {}"),
    ("key", "w32", "tool --api-key {} run"),
    ("secret", "w32", "kubectl create secret generic x --from-literal=client_secret={}"),
    ("password", "p12", "sshpass -p x; export SSH_PASSWORD={}"),
    # headers as text
    ("authorization", "w48", "Authorization: Bearer {}"),
    ("authorization", "w48", "> authorization: Bearer {}\r\n> accept: */*"),
    ("authorization", "a30", "Proxy-Authorization: Basic {}"),
    ("key", "w32", "x-api-key: {}"),
    ("key", "h32", "api-key: {}"),
    ("cookie", "c40", "Cookie: {}"),
    ("cookie", "c40", "Set-Cookie: {}"),
    ("token", "w40", "X-Auth-Token: {}"),
    ("token", "w40", "X-CSRF-Token: {}"),
    # addresses
    ("password", "n12", "postgres://app:{}@db.internal:5432/shop"),
    ("password", "n12", "postgresql+psycopg://app:{}@db/shop?sslmode=require"),
    ("password", "n12", "mysql://root:{}@127.0.0.1/x"),
    ("password", "n12", "mongodb+srv://user:{}@cluster0.example.net/test"),
    ("password", "n12", "redis://:{}@cache:6379/0"),
    ("password", "n12", "amqps://me:{}@queue.example.com/v"),
    ("password", "n12", "git clone https://me:{}@git.example.com/a/b.git"),
    ("password", "l8", "ftp://me:{}@files.example.com/"),
    ("password", "p9", "Server=db;Database=x;User Id=sa;Password={};Encrypt=true"),
    ("token", "w36", "https://api.example.com/v1/items?access_token={}&page=2"),
    ("key", "w36", "https://api.example.com/v1/items?api_key={}"),
    ("signature", "e43", "https://store.blob.core.windows.net/c/f?sv=2024-11-04&sig={}"),
    ("signature", "h64", "https://b.s3.amazonaws.com/f?X-Amz-Date=20261126T000000Z&X-Amz-Signature={}"),
    # what somebody answers
    ("authorization", "w40", "invalid token: the header was 'Bearer {}'"),
    ("key", "w32", "Incorrect api key: {}. You can find yours in the console."),
    ("token", "w40", "refresh failed for refresh_token={} (expired)"),
    ("password", "p12", "Access denied for user 'root' using password: '{}'"),
    ("secret", "w32", "the webhook secret is secret={}"),
)


ALPHABETS = {"w": WORD, "n": WORD, "h": HEX, "b": BASE64}


def _of(letter: str) -> str:
    sort, length = letter[0], int(letter[1:] or 0)
    match sort:
        case "u":
            return "-".join(drawn(HEX, size) for size in (8, 4, 4, 4, 12))
        case "d" | "l":
            return "".join(_chance.choices(string.digits if sort == "d" else "bcdfghjklm", k=length))
        case "a":
            return base64.b64encode(f"user:{drawn(WORD, length - 5)}".encode()).decode()
        case "c":
            return f"session={drawn(WORD, length)}; csrf={drawn(WORD, 12)}"
        case "k":
            return drawn(BASE64, length) + "=="
        case "e":
            return drawn(WORD, length) + "%3D"
        case "p":  # a password, with a sign in the middle
            return drawn(WORD, length - 3) + _chance.choice("!#%^*") + drawn(WORD + string.digits, 2)
        case _:
            return drawn(ALPHABETS[sort], length)


NAMED: tuple[Planted, ...] = tuple(
    Planted(kind, secret, line.format(secret)) for kind, letter, line in _LINES for secret in [_of(letter)]
)
PLANTED: tuple[Planted, ...] = (
    *(Planted(kind, secret, f"It was {secret} all the time.") for kind, secret in KEYS),
    *NAMED,
)
SECRETS: tuple[tuple[str, str], ...] = tuple((each.kind, each.secret) for each in PLANTED)
