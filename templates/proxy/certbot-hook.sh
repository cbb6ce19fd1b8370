#!/bin/sh
# Written by loadrig. Run by certbot after it has renewed a certificate.
exec sh /opt/loadrig/bin/certificate.sh use
