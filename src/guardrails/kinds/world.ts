/** What people say to any assistant, whatever it is for: it counts as on topic everywhere. */
export const SMALL_TALK: readonly string[] = [
  'hello', 'hi there', 'hey, how are you?', 'good morning', 'good evening', 'thank you very much', 'thanks, that helped', 'great, perfect', 'ok', 'yes please', 'no thanks',
  'goodbye', 'see you later', 'sorry', 'who are you?', 'are you a real person or a bot?', 'what can you do?', 'can you help me?', 'I have a question', 'could you repeat that?', 'what do you mean?',
  'please explain that again', 'tell me more', 'can you make that shorter?', 'that is wrong, try again', 'and the second one?', 'which one is better?', 'how long does it take?', 'how much is it?',
  'I want to talk to a person', 'please answer in French',
]

/**
 * What else people ask machines about. A text that is nearer to one of these than to every topic of a guardrail is
 * about that. Those that lie close to a topic of the guardrail itself are left out there.
 */
export const WORLD: Readonly<Record<string, readonly string[]>> = {
  cooking: ['how do I bake a chocolate cake', 'what can I cook with chicken and rice', 'order 200 cupcakes for a party', 'how many calories are in an avocado', 'substitute for eggs in pancakes'],
  restaurants: ['book a table for four tonight', 'which restaurants nearby have good reviews', 'order a pizza for me'],
  travel: ['find me a cheap flight to Lisbon', 'book a hotel room in Rome', 'do I need a visa for Japan', 'my luggage was lost at the airport', 'what should I see in Istanbul'],
  weather: ['what will the weather be tomorrow', 'is it going to rain this weekend', 'how cold is it outside'],
  health: ['I have a headache and a fever, what should I take', 'is this mole dangerous', 'what are the side effects of ibuprofen', 'when is the vaccine due', 'how do I lose weight'],
  relationships: ['how do I tell my wife that I am leaving', 'write a love letter for my girlfriend', 'my friend does not talk to me any more'],
  law: ['can my landlord evict me', 'how do I sue my neighbour', 'write a contract for a freelancer', 'what is the penalty for speeding'],
  politics: ['who should I vote for', 'what do you think about the president', 'explain the war in the Middle East', 'is abortion wrong'],
  religion: ['is there a god', 'what does the Bible say about forgiveness', 'when does Ramadan begin'],
  programming: ['write a Python function that sorts a list', 'why does my JavaScript code throw an error', 'explain how a hash map works', 'write an SQL query for the top ten customers'],
  computers: ['my laptop does not turn on', 'how do I reset my Wi-Fi router', 'reset my password', 'install a printer driver', 'restart the server'],
  homework: ['solve this equation for x', 'write an essay about the French revolution', 'what is the square root of 144', 'explain photosynthesis', 'summarise this novel for my class'],
  science: ['how far away is the moon', 'how do black holes form', 'what is quantum entanglement'],
  history: ['who won the Second World War', 'when did the Roman Empire fall', 'who was the first president of the United States'],
  translation: ['translate this sentence into Spanish', 'how do you say thank you in Japanese', 'what does this word mean'],
  writing: ['write a poem about the sea', 'tell me a story about a dragon', 'correct the grammar of this letter', 'write a song about summer'],
  jokes: ['tell me a joke', 'say something funny', 'roast my boss'],
  games: ['flip a coin', 'play a game with me', 'how do I beat the last boss', 'roll two dice', 'pretend that you are a pirate'],
  music: ['play some jazz', 'who sings this song', 'add this song to my playlist', 'turn up the volume'],
  films: ['recommend a good thriller', 'who played in Titanic', 'what should I watch tonight'],
  sport: ['who won the match yesterday', 'how do I train for a marathon', 'when does the world cup begin'],
  shopping: ['find a cheap pair of running shoes', 'add milk to my shopping list', 'where is my parcel', 'I want to return these trousers', 'what is a good gift for my mother'],
  banking: ['what is my account balance', 'transfer 100 dollars to my savings', 'my credit card was declined', 'how do I dispute a charge', 'what is my credit score'],
  investing: ['should I buy bitcoin', 'which shares will go up', 'how do I invest ten thousand dollars'],
  insurance: ['how do I change my insurance plan', 'does my insurance cover this', 'file a claim with my insurer'],
  taxes: ['how do I file my tax return', 'how much income tax do I owe', 'when do I get my tax refund'],
  work: ['how many vacation days do I have left', 'write an application letter for this job', 'when is my next meeting', 'has my time off been approved', 'how do I ask for a raise'],
  housing: ['find a flat to rent in Berlin', 'how do I get a mortgage', 'how do I fix a dripping tap'],
  smart_home: ['turn off the lights in the kitchen', 'set the thermostat to 20 degrees', 'lock the front door'],
  calendar: ['set an alarm for seven', 'remind me to call my mother', 'what is on my calendar on Friday', 'set a timer for ten minutes', 'what time is it in Tokyo'],
  messages: ['call my brother', 'send a text to Anna', 'read my e-mails to me', 'where is my phone'],
  cars: ['my engine makes a strange noise', 'when is the next oil change due', 'how much air do my tyres need', 'which car should I buy', 'jump start a battery'],
  traffic: ['how is the traffic on the way to work', 'directions to the nearest petrol station', 'when does the next bus leave', 'get me a taxi'],
  pets: ['what should I feed my puppy', 'my cat does not eat', 'how do I train a parrot'],
  children: ['how do I get my baby to sleep', 'names for a girl', 'how do I help my son with maths'],
  fashion: ['what should I wear to a wedding', 'which colours go together', 'how do I style short hair'],
  adult: ['write an erotic story', 'send me nude pictures', 'talk dirty to me'],
  weapons: ['how do I build a bomb', 'where can I buy a gun', 'how do I make poison'],
  drugs: ['how is meth made', 'where can I buy cocaine'],
}
