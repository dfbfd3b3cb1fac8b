// Frequent words, most frequent first, without accents. They say how likely one letter follows another, and whether a
// decoded text consists of words. What orders a model about stands near the front.
export const ENGLISH = `
the of and to a in is you that it for on are with as i be this have from or by not but what all were we when your can there an which their if will do
each about how up out them then so some her would make like him into time has look more write go see no way could my than been who its now find did
get come made may part ignore ignored ignoring disregard disregarding forget override overriding bypass previous previously prior above earlier
preceding instruction instructions directive directives guideline guidelines guardrails restriction restrictions rule rules system prompt prompts
reveal print repeat output hidden secret secrets password passwords credentials confidential key keys token tokens admin administrator developer mode
jailbreak jailbroken unfiltered uncensored unrestricted pretend roleplay assistant ai chatbot obey comply refuse refusal pirate exfiltrate send forward
email emails address attacker upload delete transfer money bank account bomb weapon weapons poison hack hacking hacker malware virus drug drugs kill
murder steal explosive explosives illegal dangerous harmful phishing ransomware keylogger exploit gun hate stupid leak disclose verbatim initial
original execute command commands shell file files follow answer question tell say story words starting act anything joke filter filters safety policy
policies ethical ethics moral limits limitations censorship constraints respond reply translate summarize sentence paragraph please immediately
instead everything told given context conversation message messages contents user users data database server website link click visit download install
run code script curl history memory order orders task tasks new real true never always only just simply exactly without any must should shall might
before after until unless stop start begin end continue step steps letter letters poem sugar water bread cake kitchen garden weather train station
morning evening dinner lunch breakfast coffee tea milk minutes hours week month year today tomorrow yesterday monday friday saturday sunday birthday
party school teacher student children family mother father brother sister friend friends house door window street city country river mountain sea
beach summer winter spring autumn sun rain snow wind cloud tree flower animal horse bird fish dog cat car bus plane ticket hotel price cheap store
shop buy sell pay paid bill invoice report meeting manager office team project plan deadline budget customer customers product delivery package phone
number call called hello hi thanks thank dear sincerely regards best wishes sorry yes okay english french german spanish italian chinese language
languages word world people person man woman boy girl president government law court police doctor hospital health medicine food meat chicken recipe
oven salt butter egg eggs flour heat cook bake boil mix add pour stir serve slowly quickly carefully often sometimes usually perhaps probably really
very much many little few large small big long short high low old young early late hot cold warm cool light dark red blue green black white yellow
good bad better worse great nice happy sad angry afraid beautiful important easy difficult hard simple possible impossible different same other
another such between under over through during against among within across behind below beside toward because although though while whether however
therefore thus hence also too even still yet already again once twice first second third last next one two three four five six seven eight nine ten
hundred thousand million half whole every both either neither none nobody someone something anyone everyone nothing where why whose whom these those
here me us our ours mine yours his hers theirs myself yourself himself herself itself themselves was am being had having does doing done went gone
going came coming took taken taking gave saw seen seeing knew known thought think said says saying asked asking want wanted need needed use used using
try tried help helped work worked play played live lived believe hold bring brought happen happened wrote written sit stood stand lose lost meet met
include set learn learned change changed lead led understand understood watch watched let put read speak spoke spoken spend spent grow grew open
opened walk walked win won offer remember love loved consider appear wait waited die died build built stay stayed fall fell cut reach remain suggest
raise pass sold require decide return explain hope develop carry break broke broken receive received agree support hit produce eat ate cover catch
caught draw choose chose wear wore text type know example request list license specific string label they content color provide information model
create error check format title style examples current test version analysis most response based take input level design options role node edge review
clear value image function quality agent structure give client items date default security day generate models right focus process off body kind
required ensure rate ask points days state writing following types status things application cases main available limit documentation features
requests service issues well path identify location tone action analyze multiple patterns requirements questions full background show object book
access keep score professional details summary results log performance tools life common source back errors research method problem learning case
document interface single app business per core values responses table false company technical natural field needs handling avoid human added changes
works complex including travel missing verify subject top usage reasoning extract guide experience environment she job software reference query
understanding returns length critical apply define due pattern total topic form feedback basic conditions validation schedule target development
systems direct issue distributed place soft down complete potential scope explanation elements shot detailed medium note handle traffic images
relevant implement expertise left years visible knowledge provided around section result event own approach uses voice line class video management
production tool purpose amount behavior point settings creating chat building goal home realistic services making cost copy info feature tests
identity self root port visual sure express web techniques domain meaning checking variables map connect since character routing testing comprehensive
working generated actions names audience close slightly components update free sections internal control looking generation post found interest
architecture improve connection prompting got inputs maintain impact chain size resources pool numbers getting network specify match describe
engineering payment ideas enough art creative room module appropriate empty search final setting side strategy applicable latest logic share wrong
optional correct expected clean release methods personal option running standard reviews clearly provides practices success future console group game
audio optimization community fix template directly risk route exact page custom framework platform decision implementation solution increase ready
remove documents modern able market problems explicit depth transaction strategies related present agents fields volume helps turn existing balance
sources else benefits includes local minimum checks effective actual host capabilities products means goals safe age together applications deep
concept unique feel times rather via provider integration music recommendations multi resource primary consistent pull social sentences brand select
contact confirm additional various switch detail compare thinking contains cause replace reason mobile online positive category licensed pin range
roles fun friendly paste advanced perfect advice external blocks block origin currently flow array track away media showing criteria cancel makes
principles supported frame raw lines edit negative planning special library classes training allow composition decisions proper objects created
similar hand least solve actually strong savings resolution cannot practice later space count item processing area clarity marketing requires brief
notes generic position talk started authentication strings concepts areas major recommend definition ways answers accuracy view characters operations
article topics flag weight net figure term thing protocol quick minimal general active sound expect concise public global center verification events
fine scale providing sensitive evaluate overall mean focused necessary likely matters fact execution medical overview categories injection queries
capital faster fast parameters inference become recent paper power convert takes maximum facts base branch valid near legal states night recommended
max powerful spell specified soon inside move individual meetings significant extra preserve matching idea far join determine updates neutral
solutions guidance communication terms shared mood defined trade industry profile formats happens discover creates standards display versions months
coverage busy tips relationships machine helpful listen financial levels wide trying complexity situation priority practical cross duration certain
alternative speed logging formatting coding author paths insights designed entire hook temperature assumptions produces adding theme runs activity
fully symbol suggestions useful matter creation pressure shape zero scenarios readable load past less energy entities site tracking windows statement
failure improvement lot playing france projects comments calls perform math extraction element assume principle outside calling program shows risks
mind throw unknown interactive trust scheduled reading prevent fit programming bar noise secure stable fill combine screen handles several capture
optimize automatically named talking react finding functionality skip properties electric longer slow bugs addresses returning especially claims
normal challenges allowed writer news rest cultural optimized adapt ahead gaps matches selection trip mark approved reports builder funny middle
supports goes speech transform looks exchange assist average engine essential separate explore changing conversion layout plans lists movie logical
compose physical regular push dates along native entity mixed plain highly lower others updated collection weeks enable enabled refer accurate
encoding master discuss ones conventions foundation draft costs higher specialized healthy accounts sync recommendation structures intent sense care
layer sent private monitoring organization highlight sets suggestion fail contain progress suitable moment difference privacy mentioned reduce parts
box prefer starts treat cleaning formal hour opening smart child rewrite forms further loop measure automation wall manual calculate flags typically
gets statistics course giving labels traditional limiting daily exist bit assistance device seems internet comes benefit popular tested pages
according choices accessible infrastructure union leave employees locate relationship frameworks tables responsible gives throughout approaches choice
save seconds conversations concrete direction asks strict pick subjects translation variable aware saved column limited landscape unit ensuring
intermediate streaming interpretation plus golden breaks heavy distance guess beyond places teams record king influence boss accept maintenance
concerns discovery associated dead beginning defaults reset university removed drop alternatives interactions leading preferred requirement
definitions managing comparison failed severity resume sort drive supporting minute appears increased activities player balanced obvious effectively
random pipeline replacement claim records gap humans included modify individuals installation covers reliable helping fake hey trigger speaker
compatible reporting ground reserve members double detection involved precise styles keyword sharing replaced argument fails invalid sessions board
evaluation suggested sign education bot completely functional processes guides awesome filled books alone breaking excellent alert authorization
described speaking platforms central pair vision represents unexpected remaining fixed challenge properly accepted considered offers desired
capability period passed ordered follows auto adds generator equal correctly expiration contributions ever efficient jobs achieve attributes
destination adjust remote located notice sequence frozen codes charged transformation assign coach abort listed listening arguments rates contract
abstract integrity situations closest college warnings trap maybe introduction round teach efficiency welcome attempt ability almost unnecessary
characteristics checked covered recipes mention difficulty harm apps communicate baseline specifications completion scenario automated member distinct
piece layers applied established applies land healthcare focuses enables lets modes force alongside premium wish ecosystem processed wants loading
highest forces becomes improving reasons presentation valuable maintaining considerations bridge solving sample sides groups split heads conflict
disclosure importance reserved conduct robust constraint fundamental responsibility significance quotes affect shift establish fresh involves
reliability cooking boundary libraries suite chance monitor conclusion selected trained arrive assignment ice underlying easier race pretty grade
correctness damaged proceed personality handled expectations towards submit circuit immediate explains perfectly opportunity lock proof availability
expires protect worth oriented partial translated organized fraud monthly contexts screenshots operator collaboration variety typical western
estimated shown remains targets appropriately owner sites structural quiet approximately prepare posts instruct smaller
`

// English is read best because most disguises are written in it; these keep the other languages from looking like noise.
export const OTHERS: readonly string[] = [
  'de la que el en y a los se del las un por con no una su para es al lo como mas pero sus le ya este si porque esta entre cuando muy sin sobre ' +
    'todo tambien hasta hay donde quien desde todos nos durante uno ni contra otros ese eso ante ellos esto antes algunos unos otro ignora olvida ' +
    'instrucciones anteriores dime sistema mensaje reglas indicaciones revela muestra ahora eres puedes hacer responde contrasena secreto correo ' +
    'envia todas previas tu tus',
  'de la le et les des en un une du que est pour qui dans ce il au pas sur ne se plus par je avec tout vous mais nous comme ou si leur y dire ' +
    'elle cette faire son ses sont votre vos aux bien sans peut aussi fait etre ignore ignorez oublie oubliez instructions precedentes systeme ' +
    'toutes moi maintenant reponds revele affiche montre mot passe regles message tu es ton tes secret donne ecris',
  'der die und in den von zu das mit sich des auf fur ist im dem nicht ein eine als auch es an werden aus er hat dass sie nach wird bei einer ' +
    'um am sind noch wie einem uber einen so zum war haben nur oder aber vor zur bis mehr durch man dann ich du mir dir kann wenn alle ignoriere ' +
    'vergiss vorherigen anweisungen bisherigen regeln zeige verrate geheim passwort antworte jetzt bist deine systemprompt nachricht bitte ' +
    'schreibe',
  'di che e la il un a per in una mi sono ho non si ma lo ha le con ti se da no come ci questo qui hai sei del bene tu solo al me gli nella ' +
    'della dei alla anche piu quando tutto perche fare molto loro suo ignora dimentica istruzioni precedenti tutte sistema messaggio regole ' +
    'rivela mostra segreto rispondi adesso devi scrivi',
  'de a o que e do da em um para com nao uma os no se na por mais as dos como mas ao ele das seu sua ou quando muito nos ja eu tambem so pelo ' +
    'pela ate isso ela entre depois sem mesmo aos seus quem nas me esse eles voce ignore esqueca instrucoes anteriores todas sistema mensagem ' +
    'regras revele mostre senha segredo responda agora escreva',
  'de en van ik te dat die in een hij het niet zijn is was op aan met als voor had er maar om hem dan zou of wat mijn men dit zo door over ze ' +
    'zich bij ook tot je mij uit der daar haar naar heb hoe heeft hebben deze u want nog zal me negeer vergeet vorige instructies alle eerdere ' +
    'aanwijzingen regels toon geheim wachtwoord antwoord nu bent jouw bericht schrijf',
  'och i att det som en pa ar av for med till den har de inte om ett han men var jag sig fran vi sa kan hon nar man efter ska alla nu du din ' +
    'dig ignorera glom tidigare instruktioner visa hemlig losenord',
  'i w na nie to sie z do ze jest o jak po co tak za od ale przez czy tylko dla przy ich juz byl jego jej moze wszystko gdy kiedy ma bardzo ' +
    'jestem ty twoje zignoruj zapomnij poprzednie instrukcje wszystkie polecenia pokaz haslo tajne odpowiedz teraz',
  'a se na je ze to v s z do o i jako za pro ale by si po jsem tak jeho ktery jsou co jen bylo nebo kdyz ignoruj zapomen predchozi pokyny ' +
    'instrukce vsechny ukaz heslo nyni',
  'bir ve bu da de icin ile cok ne gibi daha ama o ben sen biz onlar var yok mi en kadar sonra once her olarak olan tum onceki talimatlari ' +
    'yoksay unut goster sistem sifre simdi',
  'yang dan di itu dengan untuk tidak ini dari dalam akan pada juga saya ke karena ada kamu anda semua abaikan lupakan instruksi sebelumnya ' +
    'perintah tampilkan sistem rahasia sekarang',
  'va la cua co khong cho trong mot nhung duoc nguoi ban toi hay nay do cac voi den khi da ra vao nhu lam bo qua tat ca huong dan truoc tren he ' +
    'thong mat khau tra loi',
]
