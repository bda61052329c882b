"""Name where containers find what is mounted into them."""

RUN = "/run/api"  # nginx: run/, with both colours and the link to the active one; a colour: its own directory alone
SOCKET = f"{RUN}/api.sock"  # of a colour, in its own container
ACTIVE = f"{RUN}/active/api.sock"  # of the active colour, in nginx's
MAINTENANCE = f"{RUN}/maintenance"
EDGE = "/etc/edge"  # the generations of nginx's files
CERTIFICATES = "/etc/certificates"
ACME = "/srv/acme"
DATA = "/data"
GENERATION_PORT = 8081  # of nginx, in the deployment's network: /generation answers which files it runs with
