"""A cookie jar for clients that speak to many: what one server sets is told to no other."""

from http.cookiejar import CookieJar, DefaultCookiePolicy


def no_cookies() -> CookieJar:
    """Return a jar that takes no cookie and so sends none."""
    return CookieJar(DefaultCookiePolicy(allowed_domains=[]))
