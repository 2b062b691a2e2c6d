"""Which hosts say nothing about who it is, or only together with what follows them?"""

from __future__ import annotations

from typing import Final

_FREE_MAIL: Final = """
azet.sk centrum.sk zoznam.sk post.sk pobox.sk inmail.sk mail.sk szm.sk stonline.sk orangemail.sk chello.sk nextra.sk
seznam.cz email.cz centrum.cz volny.cz atlas.cz post.cz tiscali.cz quick.cz iol.cz spoluzaci.cz wo.cz mujmail.cz
upcmail.cz klikni.cz nextmail.cz wp.pl onet.pl onet.eu o2.pl interia.pl interia.eu gazeta.pl op.pl vp.pl
poczta.onet.pl poczta.fm tlen.pl go2.pl autograf.pl buziaczek.pl spoko.pl neostrada.pl poczta.pl wp.eu int.pl home.pl
gmx.de gmx.at gmx.net gmx.ch gmx.com web.de t-online.de freenet.de arcor.de online.de mail.de posteo.de mailbox.org
1und1.de vodafonemail.de aon.at chello.at a1.net utanet.at bluewin.ch freemail.hu citromail.hu t-online.hu indamail.hu
vipmail.hu mailbox.hu upcmail.hu chello.hu gmail.com googlemail.com outlook.com outlook.sk outlook.cz outlook.de
hotmail.com hotmail.sk hotmail.co.uk hotmail.de hotmail.fr live.com live.co.uk msn.com yahoo.com yahoo.de yahoo.co.uk
yahoo.fr yahoo.pl yahoo.es yahoo.it ymail.com rocketmail.com icloud.com me.com mac.com aol.com aol.de mail.com
email.com protonmail.com proton.me pm.me tutanota.com tutanota.de zoho.com yandex.com yandex.ru mail.ru bk.ru inbox.ru
list.ru rambler.ru ukr.net i.ua inbox.lv inbox.lt fastmail.com hushmail.com comcast.net verizon.net att.net
sbcglobal.net cox.net earthlink.net bellsouth.net charter.net btinternet.com virginmedia.com sky.com talktalk.net
ntlworld.com orange.fr wanadoo.fr free.fr laposte.net sfr.fr libero.it virgilio.it tin.it alice.it telenet.be
skynet.be ziggo.nl kpnmail.nl planet.nl hetnet.nl terra.com.br uol.com.br bol.com.br qq.com 163.com 126.com sina.com
naver.com hanmail.net rediffmail.com abv.bg
"""
FREE_MAIL: Final = frozenset(_FREE_MAIL.split())
"""Registrable domains whose mailboxes belong to anyone."""

_PLATFORMS: Final = """
facebook.com fb.com fb.me instagram.com linkedin.com twitter.com x.com youtube.com youtu.be tiktok.com pinterest.com
pinterest.de t.me wa.me linktr.ee vimeo.com flickr.com xing.com about.me behance.net github.com medium.com google.com
google.sk google.cz google.pl goo.gl g.page bit.ly maps.app.goo.gl yelp.com tripadvisor.com booking.com airbnb.com
foursquare.com etsy.com ebay.com ebay.de amazon.com amazon.de allegro.pl olx.pl heureka.sk heureka.cz modrykonik.sk
bazos.sk bazos.cz sashe.sk fler.cz mall.cz aukro.cz firmy.cz zivefirmy.cz najisto.cz zlatestranky.cz zlatestranky.sk
azet.sk zoznam.sk finstat.sk orsr.sk foaf.sk indexpodnikatela.sk rejstrik-firem.kurzy.cz kurzy.cz penize.cz justice.cz
panoramafirm.pl pkt.pl gowork.pl aleo.com oferteo.pl krs-pobierz.pl rejestr.io gelbeseiten.de herold.at northdata.de
wikipedia.org crunchbase.com dropbox.com onedrive.live.com sharepoint.com zoom.us
"""
PLATFORMS: Final = frozenset(_PLATFORMS.split())
"""Registrable domains that many share: only a page on them is somebody's."""

_HOSTING: Final = """
webnode.sk webnode.cz webnode.pl webnode.com webnode.hu webnode.at webnode.de webnode.page estranky.sk estranky.cz
wz.cz ic.cz wz.sk weblahko.sk websupport.sk mypage.cz webgarden.cz webgarden.com sweb.cz unas.cz xf.cz wbs.cz blog.sk
blog.cz blogspot.sk eu.sk wixsite.com wix.com weebly.com jimdo.com jimdofree.com jimdosite.com squarespace.com
wordpress.com blogspot.com tumblr.com business.site godaddysites.com webs.com yolasite.com strikingly.com
myshopify.com shoptet.cz myshoptet.com eshop-rychle.cz eshop-rychle.sk shoper.pl sky-shop.pl shoparena.pl site123.me
ucoz.com narod.ru tripod.com angelfire.com geocities.com republika.pl prv.pl cba.pl strefa.pl bizland.pl atspace.com
home.blog github.io netlify.app vercel.app herokuapp.com webflow.io
"""
HOSTING: Final = frozenset(_HOSTING.split())
"""Domains below which anyone puts up a site of their own."""

_MADE_UP: Final = """
example.com example.org example.net example.sk test.sk test.cz test.com test.pl nema.sk nema.cz brak.pl none.com
domain.com domena.sk domena.cz firma.com mojafirma.sk vasadomena.sk vase-domena.cz yourdomain.com mail.example
noemail.com noreply.com invalid.com xxx.sk xxx.cz xxx.com aaa.sk abc.xyz neuvedeno.cz neuvedene.sk
localhost.localdomain
"""
MADE_UP: Final = frozenset(_MADE_UP.split())
